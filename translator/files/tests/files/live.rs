//! A directory that is edited while it is watched.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::Duration;

use chancery_files::{Consequence, Timing};
use tokio::time::Instant;

use crate::scene::{DEADLINE, Live, Scene, generation, id, route, routes};

/// Drives the watching for a while: it must tell nothing.
async fn stays_silent(live: &mut Live, long: Duration) {
    let told = tokio::time::timeout(long, live.watching.next()).await;
    assert!(told.is_err(), "{:?}", told.map(routes));
}

#[tokio::test]
async fn an_edit_is_told_with_what_changed_and_the_rest_stays_the_same_in_memory() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test")), ("b.yaml", &route("b", "b.test"))]);
    let mut live = scene.watch();
    let first = live.next().await;
    assert_eq!(first.changed.iter().collect::<Vec<_>>(), [&id("a"), &id("b")]);
    scene.write("a.yaml", route("a", "new.test"));
    let second = live.next().await;
    assert_eq!(routes(&second), ["a=new.test", "b=b.test"]);
    assert_eq!(second.changed.iter().collect::<Vec<_>>(), [&id("a")]);
    assert!(std::sync::Arc::ptr_eq(&first.world.http_routes[&id("b")], &second.world.http_routes[&id("b")]));
    assert_eq!((first.number, second.number), (1, 2));
}

#[tokio::test]
async fn the_generation_grows_with_the_specification_only_and_is_kept_while_an_object_is_away() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test"))]);
    let mut live = scene.watch();
    assert_eq!(generation(&live.next().await, "a"), 1);
    scene.write("a.yaml", route("a", "b.test"));
    assert_eq!(generation(&live.until_routes(&["a=b.test"]).await, "a"), 2);
    let labelled = route("a", "b.test").replace("name: a", "name: a\n  labels: {x: one}");
    scene.write("a.yaml", &labelled);
    let reading = live.next().await;
    assert_eq!((generation(&reading, "a"), reading.changed.len()), (2, 1));
    scene.write("b.yaml", &labelled);
    fs::remove_file(scene.path("a.yaml")).expect("to remove");
    assert_eq!(generation(&live.until(|reading| reading.files == 1, |_| true).await, "a"), 2);
    fs::remove_file(scene.path("b.yaml")).expect("to remove");
    live.until_routes(&[]).await;
    scene.write("a.yaml", route("a", "c.test"));
    assert_eq!(generation(&live.until_routes(&["a=c.test"]).await, "a"), 3);
}

#[tokio::test]
async fn a_file_written_slowly_is_told_when_it_is_closed_and_deletes_nothing() {
    let whole = route("a", "a.test") + &route("b", "b.test");
    let scene = Scene::with(&[("a.yaml", &whole)]);
    let mut live = scene.watch();
    live.until_routes(&["a=a.test", "b=b.test"]).await;
    let mut file = File::create(scene.path("a.yaml")).expect("to truncate");
    // Longer than what vanished is kept, shorter than a writer is waited for.
    stays_silent(&mut live, Duration::from_millis(500)).await;
    file.write_all(route("a", "new.test").as_bytes()).expect("to write");
    stays_silent(&mut live, Duration::from_millis(500)).await;
    file.write_all(route("b", "new.test").as_bytes()).expect("to write");
    drop(file);
    let reading = live.next().await;
    assert_eq!(routes(&reading), ["a=new.test", "b=new.test"], "together, and nothing in between");
    assert_eq!(reading.problems, []);
}

#[tokio::test]
async fn a_file_that_is_never_closed_is_taken_when_it_says_the_same_twice() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test"))]);
    let timing = Timing { write_patience: Duration::from_millis(300), ..Timing::default() };
    let mut live = scene.watch_timed(timing);
    live.next().await;
    let mut file = File::create(scene.path("b.yaml")).expect("to make it");
    file.write_all(route("b", "b.test").as_bytes()).expect("to write");
    live.until_routes(&["a=a.test", "b=b.test"]).await;
}

#[tokio::test]
async fn a_writer_who_never_stops_holds_up_no_other_file_for_long() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test")), ("log.yaml", &route("l", "l.test"))]);
    let timing = Timing { write_patience: Duration::from_millis(300), ..Timing::default() };
    let mut live = scene.watch_timed(timing);
    live.next().await;
    let mut log = File::options().append(true).open(scene.path("log.yaml")).expect("to open");
    let writing = tokio::spawn(async move {
        for line in 0.. {
            writeln!(log, "# {line}").expect("to write");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    scene.write("a.yaml", route("a", "new.test"));
    live.until_routes(&["a=new.test", "l=l.test"]).await;
    writing.abort();
}

#[tokio::test]
async fn a_truncated_file_deletes_nothing_before_it_is_sure() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test"))]);
    let timing = Timing { removal_patience: DEADLINE, ..Timing::default() };
    let mut live = scene.watch_timed(timing);
    live.next().await;
    scene.write("a.yaml", "");
    stays_silent(&mut live, Duration::from_millis(300)).await;
    scene.write("a.yaml", route("a", "new.test"));
    assert_eq!(routes(&live.next().await), ["a=new.test"]);
}

#[tokio::test]
async fn a_deleted_file_takes_its_objects_with_it_after_a_moment() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test")), ("b.yaml", &route("b", "b.test"))]);
    let mut live = scene.watch();
    live.next().await;
    let begun = Instant::now();
    fs::remove_file(scene.path("a.yaml")).expect("to remove");
    let reading = live.until_routes(&["b=b.test"]).await;
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(reading.changed.iter().collect::<Vec<_>>(), [&id("a")]);
    assert_eq!(reading.files, 1);
}

#[tokio::test]
async fn a_rename_into_place_is_an_edit_and_a_new_name_changes_nothing_but_the_place() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test"))]);
    let mut live = scene.watch();
    live.next().await;
    scene.write(".a.yaml.swp", route("a", "new.test"));
    fs::rename(scene.path(".a.yaml.swp"), scene.path("a.yaml")).expect("to rename");
    assert_eq!(routes(&live.next().await), ["a=new.test"]);
    fs::rename(scene.path("a.yaml"), scene.path("renamed.yaml")).expect("to rename");
    let reading = live.next().await;
    assert_eq!((routes(&reading), reading.changed.len()), (vec!["a=new.test".to_owned()], 0));
    assert!(reading.places[&id("a")].location().file.ends_with("renamed.yaml"));
}

#[tokio::test]
async fn links_swapped_as_kubernetes_does_change_everything_at_once() {
    let scene = Scene::with(&[("..1/a.yaml", &route("a", "1.test")), ("..1/b.yaml", &route("b", "1.test"))]);
    symlink("..1", scene.path("..data")).expect("to link");
    symlink("..data/a.yaml", scene.path("a.yaml")).expect("to link");
    symlink("..data/b.yaml", scene.path("b.yaml")).expect("to link");
    let mut live = scene.watch();
    assert_eq!(routes(&live.next().await), ["a=1.test", "b=1.test"]);
    for turn in 2..5 {
        scene.write(&format!("..{turn}/a.yaml"), route("a", &format!("{turn}.test")));
        scene.write(&format!("..{turn}/b.yaml"), route("b", &format!("{turn}.test")));
        symlink(format!("..{turn}"), scene.path("..data_tmp")).expect("to link");
        fs::rename(scene.path("..data_tmp"), scene.path("..data")).expect("to rename");
        fs::remove_dir_all(scene.path(&format!("..{}", turn - 1))).expect("to remove");
        let reading = live.next().await;
        assert_eq!(routes(&reading), [format!("a={turn}.test"), format!("b={turn}.test")]);
        assert_eq!(reading.problems, []);
    }
}

#[tokio::test]
async fn a_change_behind_a_link_is_seen_by_looking_again() {
    let elsewhere = Scene::with(&[("a.yaml", &route("a", "1.test"))]);
    let scene = Scene::with(&[]);
    symlink(elsewhere.path("a.yaml"), scene.path("a.yaml")).expect("to link");
    let mut live = scene.watch_timed(Timing { rescan: Duration::from_millis(20), ..Timing::default() });
    live.until_routes(&["a=1.test"]).await;
    elsewhere.write("a.yaml", route("a", "2.test"));
    live.until_routes(&["a=2.test"]).await;
}

#[tokio::test]
async fn a_bad_edit_keeps_the_last_good_version_and_costs_no_other_object() {
    let scene = Scene::with(&[("a.yaml", &(route("a", "1.test") + &route("b", "1.test")))]);
    let mut live = scene.watch();
    live.next().await;
    let bad = route("a", "2.test").replace("hostnames", "hostnmaes");
    scene.write("a.yaml", bad + &route("b", "2.test"));
    let reading = live.next().await;
    assert_eq!(routes(&reading), ["a=1.test", "b=2.test"]);
    let problem = &reading.problems[0];
    assert_eq!((problem.line, problem.consequence), (6, Consequence::ObjectKept));
    assert_eq!(problem.object, Some(id("a")));

    scene.write("a.yaml", route("a", "3.test") + "a: [\n---\n");
    let reading = live.next().await;
    assert_eq!(routes(&reading), ["a=3.test", "b=2.test"], "the broken document may be that object");
    assert_eq!(reading.problems[0].consequence, Consequence::DocumentLeftOut);

    scene.write("a.yaml", b"\xff\xff");
    let reading = live.next().await;
    assert_eq!(routes(&reading), ["a=3.test", "b=2.test"]);
    assert_eq!(reading.problems[0].consequence, Consequence::FileKept);

    scene.write("a.yaml", route("a", "4.test"));
    let reading = live.until_routes(&["a=4.test"]).await;
    assert_eq!(reading.problems, []);
}

#[tokio::test]
async fn an_object_that_is_moved_and_broken_at_once_is_kept_and_gives_way_to_a_good_one() {
    let scene = Scene::with(&[("b.yaml", &route("a", "1.test"))]);
    let mut live = scene.watch();
    live.next().await;
    scene.write(".draft", route("a", "2.test").replace("hostnames", "hostnmaes"));
    fs::remove_file(scene.path("b.yaml")).expect("to remove");
    fs::rename(scene.path(".draft"), scene.path("a.yaml")).expect("to rename");
    let reading = live.until(|reading| !reading.problems.is_empty(), |reading| !reading.world.is_empty()).await;
    assert_eq!(
        (routes(&reading), reading.problems[0].consequence),
        (vec!["a=1.test".to_owned()], Consequence::ObjectKept)
    );
    scene.write("z.yaml", route("a", "3.test"));
    let reading = live.until_routes(&["a=3.test"]).await;
    assert_eq!(reading.problems[0].consequence, Consequence::ObjectLeftOut);
}

#[tokio::test]
async fn a_watched_directory_can_be_handed_to_a_task() {
    let scene = Scene::with(&[("a.yaml", &route("a", "1.test"))]);
    let mut live = scene.watch();
    let reading = tokio::spawn(async move { live.next().await }).await.expect("no panic");
    assert_eq!(routes(&reading), ["a=1.test"]);
}

#[tokio::test]
async fn a_file_that_grows_too_large_keeps_its_objects() {
    let scene = Scene::with(&[("a.yaml", &route("a", "1.test"))]);
    let mut live = scene.watch();
    live.next().await;
    File::options().write(true).open(scene.path("a.yaml")).and_then(|file| file.set_len(50 << 20)).expect("to grow it");
    let reading = live.next().await;
    assert_eq!(routes(&reading), ["a=1.test"]);
    assert_eq!((&*reading.problems[0].rule, reading.problems[0].consequence), ("file-size", Consequence::FileKept));
}

#[tokio::test]
async fn the_second_definition_takes_over_when_the_first_goes() {
    let scene = Scene::with(&[("a.yaml", &route("a", "first.test")), ("b.yaml", &route("a", "second.test"))]);
    let mut live = scene.watch();
    assert_eq!(routes(&live.next().await), ["a=first.test"]);
    fs::remove_file(scene.path("a.yaml")).expect("to remove");
    assert_eq!(live.until_routes(&["a=second.test"]).await.problems, []);
}

#[tokio::test]
async fn a_directory_that_vanishes_leaves_everything_as_it_was_until_it_is_back() {
    let scene = Scene::with(&[("here/a.yaml", &route("a", "1.test"))]);
    let timing = Timing { rescan: Duration::from_millis(20), ..Timing::default() };
    let mut live = Live::over(&scene.path("here"), timing);
    live.next().await;
    fs::rename(scene.path("here"), scene.path("there")).expect("to rename");
    let reading = live.next().await;
    assert_eq!(routes(&reading), ["a=1.test"]);
    assert_eq!(reading.problems[0].consequence, Consequence::NothingChanged);
    scene.write("here/a.yaml", route("a", "2.test"));
    assert_eq!(live.until_routes(&["a=2.test"]).await.problems, []);
}

#[tokio::test]
async fn an_empty_directory_is_an_empty_truth_and_new_directories_are_seen() {
    let scene = Scene::with(&[]);
    let mut live = scene.watch_timed(Timing::default());
    assert!(live.next().await.world.is_empty());
    scene.write("deep/er/a.yaml", route("a", "1.test"));
    live.until_routes(&["a=1.test"]).await;
    scene.write("deep/er/a.yaml", route("a", "2.test"));
    live.until_routes(&["a=2.test"]).await;
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let scene = Scene::with(&[("a.yaml", &route("a", "0.test"))]);
    let mut live = scene.watch_timed(Timing::default());
    live.next().await;
    for turn in 1..20 {
        scene.write("a.yaml", route("a", &format!("{turn}.test")));
        let wanted = [format!("a={turn}.test")];
        let begun = Instant::now();
        loop {
            // Given up again and again, in whatever it is doing.
            let told = tokio::time::timeout(Duration::from_millis(3), live.watching.next()).await;
            if told.is_ok_and(|reading| routes(reading) == wanted) {
                break;
            }
            assert!(begun.elapsed() < DEADLINE, "turn {turn} was lost");
        }
    }
}

#[tokio::test]
async fn three_hundred_edits_of_every_sort_lose_no_object_that_stays() {
    let scene = Scene::with(&[("stays.yaml", &route("stays", "stays.test")), ("a.yaml", &route("a", "0.test"))]);
    let mut live = scene.watch_timed(Timing::default());
    live.next().await;
    let root = scene.root.path().to_owned();
    let editing = tokio::spawn(async move {
        for turn in 1..=300_u32 {
            let both = route("stays", "stays.test") + &route("x", &format!("{turn}.test"));
            match turn % 3 {
                0 => fs::write(root.join("stays.yaml"), both).expect("to write"),
                1 => {
                    fs::write(root.join(".draft"), both).expect("to write");
                    fs::rename(root.join(".draft"), root.join("stays.yaml")).expect("to rename");
                }
                _ => {
                    let mut file = File::create(root.join("stays.yaml")).expect("to truncate");
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    file.write_all(both.as_bytes()).expect("to write");
                }
            }
            fs::write(root.join("a.yaml"), route("a", &format!("{turn}.test"))).expect("to write");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let always = |reading: &chancery_files::Reading| {
        let served = routes(reading);
        served.contains(&"stays=stays.test".to_owned()) && served.iter().any(|route| route.starts_with("a="))
    };
    let wanted = ["a=300.test", "stays=stays.test", "x=300.test"];
    let last = live.until(|reading| routes(reading) == wanted, always).await;
    assert_eq!(last.problems, []);
    editing.await.expect("no panic");
}
