//! Servers of others, built when the machine can.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Builds go-control-plane's server, once.
///
/// # Errors
/// In words, when there is no Go or the module cannot be built: the peer is left out then, and that is said.
pub fn go_control_plane() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> Result<PathBuf, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/go-control-plane");
    let program = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("peer-go-control-plane");
    let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(&sources).output();
    match built {
        Ok(done) if done.status.success() => Ok(program),
        Ok(done) => Err(format!("go build failed: {}", String::from_utf8_lossy(&done.stderr).trim())),
        Err(error) => Err(format!("go cannot be run ({error}); install Go 1.26 or newer to compare with it")),
    }
}
