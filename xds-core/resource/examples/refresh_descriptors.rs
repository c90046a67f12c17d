//! Writes `descriptors.bin.z` anew from the envoy-types package this workspace resolves to.
//!
//! Run it after an update of envoy-types: `cargo run -p chancery-resource --example refresh_descriptors`.

#[path = "refresh_descriptors/source.rs"]
mod source;

use std::process::ExitCode;

fn main() -> ExitCode {
    let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("descriptors.bin.z");
    let written = source::stripped_descriptors().and_then(|plain| {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&plain, 10);
        std::fs::write(&target, &packed).map_err(|error| format!("{}: {error}", target.display()))?;
        Ok((plain.len(), packed.len()))
    });
    match written {
        Ok((plain, packed)) => {
            println!("{}: {packed} bytes ({plain} unpacked)", target.display());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("cannot refresh the descriptors: {problem}");
            ExitCode::FAILURE
        }
    }
}
