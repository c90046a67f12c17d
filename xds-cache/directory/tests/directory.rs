//! A directory as its users treat it: edits, mistakes, moves, links.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::{EveryoneTogether, Frontend, GroupKey, SnapshotCache};
use chancery_directory::{Consequence, Directory, DirectoryError, Report, Timing};
use chancery_protocol::{TypeUrl, View};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(20);

/// A served directory.
struct Served {
    root: TempDir,
    cache: SnapshotCache,
    reports: watch::Receiver<Arc<Report>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), DirectoryError>>,
}

impl Served {
    async fn with(files: &[(&str, &str)]) -> Served {
        Served::timed(Timing::default(), files).await
    }

    async fn timed(timing: Timing, files: &[(&str, &str)]) -> Served {
        let root = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            write(root.path(), name, text);
        }
        let mut served = Served::serve(root, timing);
        served.until(|report| report.readings == 1).await;
        served
    }

    fn serve(root: TempDir, timing: Timing) -> Served {
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        let directory = Directory::open(root.path()).expect("a directory").timing(timing);
        let reports = directory.reports();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(directory.run(publisher, async { drop(stopped.await) }));
        Served { root, cache, reports, stop, running }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.root.path(), name, text);
    }

    /// The clusters served, with their `alt_stat_name`: `a=1`.
    fn clusters(&self) -> Vec<String> {
        let Some(view) = self.cache.view(&GroupKey::everyone()) else { return Vec::new() };
        let shown = view.iter(&TypeUrl::CLUSTER).map(|cluster| {
            let url = cluster.type_url().as_str();
            let json = chancery_resource::to_json(url, cluster.body(), chancery_resource::Secrets::Shown);
            let json = json.expect("a cluster").to_string();
            let value = json.split("alt_stat_name").nth(1).and_then(|rest| rest.split('"').nth(2)).unwrap_or_default();
            format!("{}={value}", cluster.name())
        });
        shown.collect()
    }

    /// Waits for a report, and checks on the way that nothing else was ever wrong.
    async fn until(&mut self, condition: impl FnMut(&Arc<Report>) -> bool) -> Arc<Report> {
        let waited = tokio::time::timeout(DEADLINE, self.reports.wait_for(condition)).await;
        let found = waited.map(|report| report.expect("it runs").clone());
        found.unwrap_or_else(|_| panic!("no such report; clusters {:?}, {:#?}", self.clusters(), self.reports.borrow()))
    }

    async fn until_clusters(&mut self, expected: &[&str]) -> Arc<Report> {
        let cache = self.cache.clone();
        loop {
            let report = self.reports.borrow_and_update().clone();
            if self.clusters() == expected {
                return report;
            }
            let changed = tokio::time::timeout(DEADLINE, self.reports.changed()).await;
            let now = cache.view(&GroupKey::everyone());
            assert!(changed.is_ok(), "waited for {expected:?}, there is {:?}, {now:?}, {report:#?}", self.clusters());
        }
    }

    async fn end(self) {
        let _ = self.stop.send(());
        self.running.await.expect("no panic").expect("a good end");
    }
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("to make it");
    fs::write(path, text).expect("to write");
}

fn clusters(named: &[(&str, &str)]) -> String {
    let lines = named.iter().map(|(name, stat)| format!("- {{name: {name}, alt_stat_name: \"{stat}\"}}\n"));
    format!("clusters:\n{}", lines.collect::<String>())
}

#[tokio::test]
async fn an_edit_is_published_and_the_rest_stays() {
    let mut served =
        Served::with(&[("a.yaml", &clusters(&[("a", "1")])), ("b.json", r#"{"clusters": [{"name": "b"}]}"#)]).await;
    assert_eq!(served.clusters(), ["a=1", "b="]);
    served.write("a.yaml", &clusters(&[("a", "2"), ("c", "1")]));
    let report = served.until_clusters(&["a=2", "b=", "c=1"]).await;
    assert_eq!((report.counts.added, report.counts.changed, report.counts.removed), (1, 1, 0));
    assert_eq!((report.files, report.total(), &report.problems[..]), (2, 3, &[][..]));
    served.end().await;
}

#[tokio::test]
async fn a_bad_edit_keeps_the_files_last_good_resources_until_it_is_mended() {
    let good = clusters(&[("a", "1"), ("b", "1")]);
    let mut served = Served::with(&[("a.yaml", &good), ("z.yaml", &clusters(&[("z", "1")]))]).await;
    served.write("a.yaml", "clusters:\n- name: a\n  connect_timeuot: 1s\n");
    let report = served.until(|report| !report.problems.is_empty()).await;
    let problem = &report.problems[0];
    assert!(problem.file.ends_with("a.yaml"), "{problem}");
    assert_eq!((problem.line, problem.field.as_str()), (3, "clusters[0].connect_timeuot"));
    assert_eq!(problem.consequence, Consequence::FileKept);
    assert!(problem.to_string().contains("did you mean `connect_timeout`"), "{problem}");
    assert_eq!(served.clusters(), ["a=1", "b=1", "z=1"]);

    served.write("z.yaml", &clusters(&[("z", "2")]));
    let report = served.until_clusters(&["a=1", "b=1", "z=2"]).await;
    assert_eq!(report.problems.len(), 1, "it holds up no other file, and stays listed");

    served.write("a.yaml", &clusters(&[("a", "2")]));
    let report = served.until_clusters(&["a=2", "z=2"]).await;
    assert_eq!(report.problems, []);
    served.end().await;
}

#[tokio::test]
async fn a_file_that_was_never_good_gives_what_can_be_read_of_it() {
    let mut served = Served::with(&[("a.yaml", "clusters:\n- name: a\n- nmae: b\n")]).await;
    assert_eq!(served.clusters(), ["a="]);
    assert_eq!(served.reports.borrow().problems[0].consequence, Consequence::FileInPart);
    served.write("a.yaml", "clusters:\n- name: c\n- nmae: b\n");
    served.until_clusters(&["c="]).await;
    served.end().await;
}

#[tokio::test]
async fn an_invalid_resource_keeps_its_last_good_version_and_costs_no_other() {
    let mut served = Served::with(&[("a.yaml", &clusters(&[("a", "1"), ("b", "1")]))]).await;
    served.write(
        "a.yaml",
        "clusters:\n- {name: a, alt_stat_name: \"2\", connect_timeout: 0s}\n- {name: b, alt_stat_name: \"2\"}\n\
         - {name: c, connect_timeout: 0s}\n",
    );
    let report = served.until_clusters(&["a=1", "b=2"]).await;
    let found: Vec<_> =
        report.problems.iter().map(|problem| (problem.line, problem.field.as_str(), problem.consequence)).collect();
    assert_eq!(
        found,
        [
            (2, "clusters[0].connect_timeout", Consequence::ResourceKept),
            (4, "clusters[2].connect_timeout", Consequence::ResourceLeftOut),
        ]
    );
    served.end().await;
}

#[tokio::test]
async fn of_two_definitions_that_of_the_smallest_path_wins_and_both_are_named() {
    let files = [("b/x.yaml", &*clusters(&[("a", "second")])), ("a/x.yaml", &*clusters(&[("a", "first")]))];
    let mut served = Served::with(&files).await;
    assert_eq!(served.clusters(), ["a=first"]);
    let problem = served.reports.borrow().problems[0].to_string();
    assert!(problem.contains("b/x.yaml:2") && problem.contains("a/x.yaml:2"), "{problem}");
    fs::remove_file(served.root.path().join("a/x.yaml")).expect("to remove");
    let report = served.until_clusters(&["a=second"]).await;
    assert_eq!(report.problems, []);
    served.end().await;
}

#[tokio::test]
async fn a_deleted_file_takes_its_resources_with_it() {
    let mut served = Served::with(&[("a.yaml", &clusters(&[("a", "1")])), ("b.yaml", &clusters(&[("b", "1")]))]).await;
    fs::remove_file(served.root.path().join("a.yaml")).expect("to remove");
    let report = served.until_clusters(&["b=1"]).await;
    assert_eq!((report.counts.removed, report.files), (1, 1));
    fs::remove_file(served.root.path().join("b.yaml")).expect("to remove");
    served.until_clusters(&[]).await;
    served.write("c.yaml", &clusters(&[("c", "1")]));
    served.until_clusters(&["c=1"]).await;
    served.end().await;
}

#[tokio::test]
async fn a_file_truncated_before_it_is_written_again_deletes_nothing() {
    let timing = Timing { removal_patience: DEADLINE, ..Timing::default() };
    let mut served = Served::timed(timing, &[("a.yaml", &clusters(&[("a", "1")]))]).await;
    served.write("a.yaml", "");
    served.write("b.yaml", "clusters:\n- nmae: b\n");
    served.write("a.yaml", &clusters(&[("a", "2")]));
    let report = served.until_clusters(&["a=2"]).await;
    assert_eq!((report.counts.changed, report.counts.removed), (1, 0));
    served.end().await;
}

#[tokio::test]
async fn a_file_replaced_by_a_rename_is_an_edit() {
    let mut served = Served::with(&[("a.yaml", &clusters(&[("a", "1")]))]).await;
    served.write(".a.yaml.swp", &clusters(&[("a", "2")]));
    let root = served.root.path().to_owned();
    fs::rename(root.join(".a.yaml.swp"), root.join("a.yaml")).expect("to rename");
    let report = served.until_clusters(&["a=2"]).await;
    assert_eq!(report.counts.removed, 0);
    fs::rename(root.join("a.yaml"), root.join("renamed.yml")).expect("to rename");
    served.until(|report| report.readings >= 2 && report.files == 1).await;
    served.write("b.yaml", &clusters(&[("b", "1")]));
    let report = served.until_clusters(&["a=2", "b=1"]).await;
    assert_eq!(report.counts.removed, 0, "a file that is called otherwise says the same");
    served.end().await;
}

#[tokio::test]
async fn links_swapped_as_kubernetes_does_change_everything_at_once() {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), "..1/a.yaml", &clusters(&[("a", "1")]));
    write(root.path(), "..1/b.yaml", &clusters(&[("b", "1")]));
    symlink("..1", root.path().join("..data")).expect("to link");
    symlink("..data/a.yaml", root.path().join("a.yaml")).expect("to link");
    symlink("..data/b.yaml", root.path().join("b.yaml")).expect("to link");
    let mut served = Served::serve(root, Timing::default());
    served.until_clusters(&["a=1", "b=1"]).await;
    served.write("..2/a.yaml", &clusters(&[("a", "2")]));
    served.write("..2/b.yaml", &clusters(&[("b", "2")]));
    let root = served.root.path().to_owned();
    symlink("..2", root.join("..data_tmp")).expect("to link");
    fs::rename(root.join("..data_tmp"), root.join("..data")).expect("to rename");
    let report = served.until_clusters(&["a=2", "b=2"]).await;
    assert_eq!((report.counts.changed, report.counts.removed), (2, 0));
    served.end().await;
}

#[tokio::test]
async fn a_change_behind_a_link_is_seen_by_the_rescan() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    write(elsewhere.path(), "a.yaml", &clusters(&[("a", "1")]));
    let root = tempfile::tempdir().expect("a directory");
    symlink(elsewhere.path().join("a.yaml"), root.path().join("a.yaml")).expect("to link");
    let rescan = Duration::from_millis(20);
    let mut served = Served::serve(root, Timing { rescan, ..Timing::default() });
    served.until_clusters(&["a=1"]).await;
    write(elsewhere.path(), "a.yaml", &clusters(&[("a", "2")]));
    served.until_clusters(&["a=2"]).await;
    served.end().await;
}

#[tokio::test]
async fn an_empty_directory_is_an_empty_truth_and_new_directories_are_seen() {
    let mut served = Served::with(&[]).await;
    assert!(served.cache.view(&GroupKey::everyone()).is_some(), "it was read and found empty");
    served.write("deep/er/a.yaml", &clusters(&[("a", "1")]));
    served.until_clusters(&["a=1"]).await;
    served.write("deep/er/a.yaml", &clusters(&[("a", "2")]));
    served.until_clusters(&["a=2"]).await;
    served.end().await;
}

#[tokio::test]
async fn a_file_that_is_not_text_is_reported_and_holds_up_no_other() {
    let served = Served::with(&[("good.yaml", &clusters(&[("a", "1")]))]).await;
    fs::write(served.root.path().join("bad.yaml"), [b'a', 0xff, 0xfe, b':', 0x00]).expect("to write");
    symlink(".", served.root.path().join("loop")).expect("to link");
    let mut served = served;
    let report = served.until(|report| !report.problems.is_empty()).await;
    assert!(report.problems[0].file.ends_with("bad.yaml"), "{:?}", report.problems);
    assert_eq!(served.clusters(), ["a=1"]);
    served.end().await;
}

#[tokio::test]
async fn a_directory_that_vanishes_leaves_everything_as_it_was_until_it_is_back() {
    let timing = Timing { rescan: Duration::from_millis(20), ..Timing::default() };
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), "here/a.yaml", &clusters(&[("a", "1")]));
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    let directory = Directory::open(root.path().join("here")).expect("a directory").timing(timing);
    let reports = directory.reports();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(directory.run(publisher, async { drop(stopped.await) }));
    let mut served = Served { root, cache, reports, stop, running };
    served.until_clusters(&["a=1"]).await;
    let root = served.root.path().to_owned();
    fs::rename(root.join("here"), root.join("there")).expect("to rename");
    let report = served.until(|report| !report.problems.is_empty()).await;
    assert_eq!(report.problems[0].consequence, Consequence::NothingChanged);
    assert_eq!(served.clusters(), ["a=1"]);
    write(&root, "here/a.yaml", &clusters(&[("a", "2")]));
    served.until_clusters(&["a=2"]).await;
    served.end().await;
}

#[tokio::test]
async fn what_is_no_directory_is_refused_at_once() {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), "file", "");
    let refused = Directory::open(root.path().join("file")).expect_err("a file");
    assert!(matches!(refused, DirectoryError::NotADirectory { .. }));
    let refused = Directory::open(root.path().join("nothing")).expect_err("nothing");
    assert!(matches!(refused, DirectoryError::Unreadable { .. }));
}
