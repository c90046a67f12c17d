//! Load that counts what fails, and backends of both HTTP versions.

use std::time::Duration;

use chancery_testkit::{Echo, Load, Pace, Relay, Seen, TestAuthority, http, wait_until};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn load_counts_every_request_that_failed_and_when() {
    let echo = Echo::start("only").await.expect("a backend");
    let relay = Relay::start(echo.address()).await.expect("a relay");
    let load = Load::start(relay.address(), "echo.test", "/", Pace { connections: 2, requests_per_second: 400 });
    let load = load.expect("load");
    let seen = |what: &'static str, enough: fn(&chancery_testkit::LoadReport) -> bool| {
        let load = &load;
        wait_until(what, PATIENCE, async move || -> Result<(), Seen> {
            let report = load.report();
            if enough(&report) { Ok(()) } else { Err(report.into()) }
        })
    };
    seen("requests answered", |report| report.total > 10 && report.failed == 0).await.expect("requests");
    relay.cut();
    seen("requests failed", |report| report.failed > 2).await.expect("failures");
    relay.move_to(echo.address());
    let failed = load.report().failed;
    let answered = load.report().served_by["only"];
    let again = wait_until("answers again", PATIENCE, async || -> Result<(), Seen> {
        let report = load.report();
        if report.served_by["only"] > answered + 10 { Ok(()) } else { Err(report.into()) }
    });
    again.await.expect("answers");
    let report = load.stop().await;
    assert!(report.failed >= failed && report.failed < report.total, "{report}");
    assert!(!report.failures[0].reason.is_empty());
}

#[tokio::test]
async fn a_path_that_is_none_is_refused_before_any_load() {
    assert!(Load::start(([127, 0, 0, 1], 9).into(), "echo.test", "no spaces please", Pace::default()).is_err());
}

#[tokio::test]
async fn a_connection_that_is_refused_says_where_to() {
    let gone = Echo::start("gone").await.expect("a backend").address();
    let closed = wait_until("the backend to be gone", PATIENCE, async || match http::get(gone, "x", "/").await {
        Err(error) => Ok(error.to_string()),
        Ok(answer) => Err(Seen::from(answer.status)),
    });
    assert!(closed.await.expect("an error").contains(&gone.to_string()));
}

#[test]
fn certificates_that_are_none_are_refused() {
    assert!(http::Trust::new("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None).is_err());
    let authority = TestAuthority::new("authority").expect("an authority");
    let client = authority.client("client", &["spiffe://test/client"]).expect("a certificate");
    assert!(http::Trust::new(&authority.certificate_pem(), Some(&client)).is_ok());
}
