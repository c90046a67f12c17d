//! Where the descriptors come from: the file envoy-types ships but does not expose, found through `cargo metadata`.

use std::path::PathBuf;
use std::process::Command;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

/// The descriptors of the envoy-types version in use, without source locations and comments.
///
/// They are stripped by reflection, not through `prost_types`, which would drop the extension options
/// (`validate.rules`, `udpa.annotations.sensitive`).
pub(crate) fn stripped_descriptors() -> Result<Vec<u8>, String> {
    let path = shipped_file()?;
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let pool = DescriptorPool::decode(&bytes[..]).map_err(|error| format!("{}: {error}", path.display()))?;
    let set = pool
        .get_message_by_name("google.protobuf.FileDescriptorSet")
        .ok_or("the descriptors do not describe google.protobuf.FileDescriptorSet")?;
    let mut set = DynamicMessage::decode(set, &bytes[..]).map_err(|error| error.to_string())?;
    let files = set.get_field_by_name_mut("file").and_then(Value::as_list_mut).ok_or("no files in the set")?;
    for file in files {
        let file = file.as_message_mut().ok_or("a file that is not a message")?;
        file.clear_field_by_name("source_code_info");
    }
    Ok(set.encode_to_vec())
}

fn shipped_file() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let manifests: Vec<&str> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| package["name"] == "envoy-types")
        .filter_map(|package| package["manifest_path"].as_str())
        .collect();
    match manifests[..] {
        [manifest] => Ok(PathBuf::from(manifest).with_file_name("src").join("generated/types.bin")),
        _ => Err(format!("the workspace resolves {} versions of envoy-types instead of one", manifests.len())),
    }
}
