//! Arbitrary bytes as a file of resources: read or refused, never a panic; what was read can be written and read again.
#![no_main]

use chancery_resource::{Secrets, read_documents, read_message, to_yaml};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (documents, errors) = read_documents("fuzzed.yaml", bytes);
    for error in &errors {
        let _ = error.to_string();
    }
    for document in documents {
        let (type_url, body) = (document.resource.type_url().as_str(), document.resource.body());
        let Ok(text) = to_yaml(type_url, body, Secrets::Shown) else { continue };
        let read = read_message(type_url, "rendered.yaml", &text).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
        assert!(read.body() == &body[..], "writing {type_url} and reading it gives another:\n{text}");
    }
});
