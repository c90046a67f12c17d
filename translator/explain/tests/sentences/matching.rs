//! What routes ask for.

use chancery_explain::{ClientCertificate, Transport};

use crate::world::{get, matched};

fn fails(condition: &str, request: &chancery_explain::Request, reason: &str) {
    assert_eq!(matched(condition, request), Err(reason.to_owned()), "{condition}");
}

#[test]
fn a_prefix_is_compared_without_the_query() {
    assert_eq!(matched("{prefix: /a}", &get("h", "/ab?x")), Ok(()));
    fails("{prefix: '/a?x'}", &get("h", "/a?x"), r#"the path "/a" does not start with "/a?x""#);
    assert_eq!(matched("{prefix: /A, case_sensitive: false}", &get("h", "/a/b")), Ok(()));
}

#[test]
fn a_separated_prefix_ends_with_a_segment() {
    assert_eq!(matched("{path_separated_prefix: /a}", &get("h", "/a?x")), Ok(()));
    assert_eq!(matched("{path_separated_prefix: /a}", &get("h", "/a/b")), Ok(()));
    fails("{path_separated_prefix: /a}", &get("h", "/ab"), r#"the path "/ab" is neither "/a" nor below it"#);
}

#[test]
fn an_exact_path_is_all_of_it() {
    assert_eq!(matched("{path: /a}", &get("h", "/a?x=1")), Ok(()));
    fails("{path: /a}", &get("h", "/a/"), r#"the path "/a/" is not "/a""#);
}

#[test]
fn an_expression_covers_the_whole_path_and_its_classes_are_ascii() {
    let condition = r"{safe_regex: {regex: '/v\d|/w'}}";
    assert_eq!(matched(condition, &get("h", "/v1?x")), Ok(()));
    fails(condition, &get("h", "/v12"), r#"the path "/v12" does not match the expression "/v\\d|/w""#);
    fails(
        r"{safe_regex: {regex: '/v\d'}}",
        &get("h", "/v٣"),
        r#"the path "/v٣" does not match the expression "/v\\d""#,
    );
}

#[test]
fn an_expression_that_is_none_is_a_problem_and_leaves_its_route_undetermined() {
    let (_, problems) = crate::world::of_routes("{match: {safe_regex: {regex: '('}}, direct_response: {status: 200}}");
    let text = problems.iter().map(ToString::to_string).collect::<String>();
    assert!(
        text.starts_with(
            r#"listener "web", filter chain "", route configuration "table", virtual host "all", route 0"#
        ),
        "{text}"
    );
    let reason = matched("{safe_regex: {regex: '('}}", &get("h", "/")).expect_err("undetermined");
    assert!(reason.contains("cannot be read"), "{reason}");
}

#[test]
fn connect_is_for_connect_requests_only() {
    let mut request = get("h:443", "");
    request.method = "CONNECT".into();
    assert_eq!(matched("{connect_matcher: {}}", &request), Ok(()));
    fails("{connect_matcher: {}}", &get("h", "/"), "the method GET is not CONNECT");
    fails("{prefix: /}", &request, "the request has no path");
}

#[test]
fn headers_are_compared_as_their_matcher_says() {
    let request = get("h.example", "/p?q=1").header("X-A", "abc").header("x-n", "7");
    for condition in [
        "{name: x-a}",
        "{name: x-a, present_match: true}",
        "{name: x-b, present_match: false}",
        "{name: x-b, present_match: true, invert_match: true}",
        "{name: x-a, string_match: {exact: ABC, ignore_case: true}}",
        "{name: x-a, string_match: {prefix: ab}}",
        "{name: x-a, string_match: {suffix: bc}}",
        "{name: x-a, string_match: {contains: b}}",
        "{name: x-a, string_match: {safe_regex: {regex: 'a.c'}}}",
        "{name: x-a, string_match: {exact: abd}, invert_match: true}",
        "{name: x-n, range_match: {start: 7, end: 8}}",
        "{name: x-b, string_match: {exact: c}, treat_missing_header_as_empty: true, invert_match: true}",
        "{name: ':method', string_match: {exact: GET}}",
        "{name: ':path', string_match: {suffix: '?q=1'}}",
        "{name: ':authority', string_match: {exact: h.example}}",
        "{name: host, string_match: {exact: h.example}}",
    ] {
        assert_eq!(matched(&format!("{{prefix: /, headers: [{condition}]}}"), &request), Ok(()), "{condition}");
    }
}

#[test]
fn a_header_that_does_not_match_says_why() {
    let request = get("h", "/").header("x-a", "abc");
    for (condition, reason) in [
        ("{name: x-b}", "header x-b is missing"),
        ("{name: x-b, string_match: {exact: c}, invert_match: true}", "header x-b is missing"),
        ("{name: x-a, present_match: false}", r#"header x-a: "abc" must not be there"#),
        ("{name: x-a, string_match: {exact: b}}", r#"header x-a: "abc" is not "b""#),
        ("{name: x-a, range_match: {start: 1, end: 2}}", r#"header x-a: "abc" is no number from 1 to below 2"#),
        ("{name: x-a, string_match: {exact: abc}, invert_match: true}", r#"header x-a: "abc" is what it must not be"#),
    ] {
        fails(&format!("{{prefix: /, headers: [{condition}]}}"), &request, reason);
    }
}

#[test]
fn of_several_values_one_that_passes_is_enough() {
    let request = get("h", "/").header("x-a", "1").header("x-a", "2");
    assert_eq!(matched("{prefix: /, headers: [{name: x-a, string_match: {exact: '2'}}]}", &request), Ok(()));
    let joined = "{prefix: /, headers: [{name: x-a, string_match: {exact: '1,2'}}]}";
    fails(joined, &request, r#"header x-a: "1, 2" is not "1,2""#);
}

#[test]
fn a_header_that_the_proxy_writes_by_itself_leaves_the_route_undetermined() {
    let condition = "{prefix: /, headers: [{name: x-request-id}]}";
    let reason = matched(condition, &get("h", "/").header("x-request-id", "1")).expect_err("undetermined");
    assert!(reason.ends_with("header x-request-id is written by the proxy, and not evaluated"), "{reason}");
    fails("{prefix: /a, headers: [{name: x-request-id}]}", &get("h", "/"), r#"the path "/" does not start with "/a""#);
}

#[test]
fn the_first_query_parameter_of_a_name_counts_and_is_not_decoded() {
    let exact = "{prefix: /, query_parameters: [{name: q, string_match: {exact: '1'}}]}";
    assert_eq!(matched(exact, &get("h", "/?p&q=1&q=2")), Ok(()));
    fails(exact, &get("h", "/?q=2&q=1"), r#"query parameter q: "2" is not "1""#);
    fails(exact, &get("h", "/?q=%31"), r#"query parameter q: "%31" is not "1""#);
    fails(exact, &get("h", "/"), "query parameter q is missing");
    assert_eq!(matched("{prefix: /, query_parameters: [{name: q, present_match: true}]}", &get("h", "/?q")), Ok(()));
}

#[test]
fn a_cookie_is_found_among_others() {
    let condition = "{prefix: /, cookies: [{name: k, string_match: {exact: v}}]}";
    assert_eq!(matched(condition, &get("h", "/").header("cookie", "a=b; k=v")), Ok(()));
    fails(condition, &get("h", "/"), "cookie k is missing");
}

#[test]
fn grpc_is_told_by_the_content_type() {
    let condition = "{prefix: /, grpc: {}}";
    assert_eq!(matched(condition, &get("h", "/").header("content-type", "application/grpc+proto")), Ok(()));
    fails(condition, &get("h", "/").header("content-type", "application/grpc-web"), "the content type is not gRPC's");
}

#[test]
fn a_fraction_takes_what_chance_gives_it() {
    let condition = "{prefix: /, runtime_fraction: {default_value: {numerator: 25, denominator: HUNDRED}}}";
    let with = |random| chancery_explain::Request { random, ..get("h", "/") };
    assert_eq!(matched(condition, &with(124)), Ok(()));
    fails(condition, &with(125), "chance did not choose this request for its 25 in 100");
}

#[test]
fn a_client_certificate_can_be_asked_for() {
    fails("{prefix: /, tls_context: {validated: true}}", &get("h", "/"), "a client certificate must be validated");
    let tls = |client_certificate| Transport::Tls { server_name: None, alpn: Vec::new(), client_certificate };
    let request = get("h", "/").over(tls(ClientCertificate::Validated));
    // The listener of this test speaks plain HTTP: no route is asked at all.
    assert_eq!(matched("{prefix: /, tls_context: {validated: true}}", &request), Err(String::new()));
}

#[test]
fn what_is_not_evaluated_is_said_and_never_guessed() {
    let condition = "{prefix: /, dynamic_metadata: [{filter: f, path: [{key: k}], value: {present_match: true}}]}";
    let reason = matched(condition, &get("h", "/")).expect_err("undetermined");
    assert_eq!(reason, "route 0 may take this request: it asks for dynamic metadata, which is not evaluated");
}
