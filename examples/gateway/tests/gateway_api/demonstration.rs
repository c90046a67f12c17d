//! The README's first command.

use crate::{run, text};

#[test]
fn the_demonstration_tells_its_story_to_the_end() {
    let told = run(&["demo"]);
    let said = text(&told.stdout);
    assert!(told.status.success(), "{said}\n{}", text(&told.stderr));
    for part in [
        "Gateway shop/web is programmed after",
        "GET http://shop.example/cart/items     -> 200 from cart",
        "the cart was sent the header x-shop-entrance: \"web\"",
        "301 to http://shop.example/sale",
        " to catalog-v1, ",
        "HTTPRoute shop/cart spec.rules[0]",
        "of 200 requests for /: 200 to catalog-v2",
        "Service shop/kart does not exist (BackendNotFound)",
        "GET http://shop.example/cart/items     -> 500 from Envoy itself",
        "Envoy of shop/inside",
        "nobody listens there any more",
        "How to go on",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}
