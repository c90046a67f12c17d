//! A directory with manifests, read or watched.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_files::{GatewayFiles, Reading, Timing, Watching};
use chancery_translator::api::{Kind, ObjectId};
use tempfile::TempDir;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An HTTPRoute with one host name.
pub(crate) fn route(name: &str, host: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: {name}\nspec:\n  hostnames:\n  - {host}\n---\n"
    )
}

pub(crate) fn id(name: &str) -> ObjectId {
    ObjectId::new(Kind::HTTPRoute, "default", name)
}

/// The routes of a reading with their host names: `a=a.test`.
pub(crate) fn routes(reading: &Reading) -> Vec<String> {
    let shown = reading.world.http_routes.iter().map(|(id, route)| {
        let hosts: Vec<&str> = route.spec.hostnames.iter().map(|host| &**host).collect();
        format!("{}={}", id.name, hosts.join("+"))
    });
    shown.collect()
}

pub(crate) fn generation(reading: &Reading, name: &str) -> i64 {
    reading.world.http_routes[&id(name)].metadata.generation
}

/// A directory.
pub(crate) struct Scene {
    pub(crate) root: TempDir,
}

impl Scene {
    pub(crate) fn with(files: &[(&str, &str)]) -> Scene {
        let scene = Scene { root: tempfile::tempdir().expect("a directory") };
        files.iter().for_each(|(name, text)| scene.write(name, text));
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("to make it");
        fs::write(path, text).expect("to write");
    }

    pub(crate) fn read(&self) -> Reading {
        chancery_files::read(self.root.path()).expect("a directory")
    }

    /// The only problem there is.
    pub(crate) fn problem(&self) -> String {
        let reading = self.read();
        assert_eq!(reading.problems.len(), 1, "{}", reading.report());
        reading.problems[0].to_string().replace(&format!("{}/", self.root.path().display()), "")
    }

    pub(crate) fn watch(&self) -> Live {
        self.watch_timed(Timing { rescan: DEADLINE * 10, ..Timing::default() })
    }

    pub(crate) fn watch_timed(&self, timing: Timing) -> Live {
        Live::over(self.root.path(), timing)
    }
}

/// A watched directory.
pub(crate) struct Live {
    pub(crate) watching: Watching,
}

impl Live {
    pub(crate) fn over(root: &Path, timing: Timing) -> Live {
        Live { watching: GatewayFiles::open(root).expect("a directory").timing(timing).watch() }
    }

    pub(crate) async fn next(&mut self) -> Reading {
        tokio::time::timeout(DEADLINE, self.watching.next()).await.expect("a reading in time").clone()
    }

    /// The next reading that is as wanted; `always` holds of it and of all before.
    pub(crate) async fn until(
        &mut self,
        mut wanted: impl FnMut(&Reading) -> bool,
        always: impl Fn(&Reading) -> bool,
    ) -> Reading {
        loop {
            let reading = self.next().await;
            assert!(always(&reading), "{:?} {}", routes(&reading), reading.report());
            if wanted(&reading) {
                return reading;
            }
        }
    }

    /// The next reading with these routes.
    pub(crate) async fn until_routes(&mut self, wanted: &[&str]) -> Reading {
        self.until(|reading| routes(reading) == wanted, |_| true).await
    }
}
