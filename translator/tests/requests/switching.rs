//! Another form of route tables, while requests go through.

use std::path::Path;

use chancery_testkit::{EnvoyVersion, Load, Pace};
use chancery_translator::TableForm;

use crate::case;
use crate::proxy::{How, Setting};

#[tokio::test(flavor = "multi_thread")]
async fn another_form_of_route_tables_fails_no_request() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests/cases");
    let mut cases = case::read_all(&directory, true);
    let at = cases.iter().position(|case| case.name == "HTTPRouteMatching").expect("the case");
    let mut case = cases.swap_remove(at);
    chancery_testkit::provision(EnvoyVersion::V1_40).expect("an Envoy");
    let how = How { version: EnvoyVersion::V1_40, form: TableForm::Whole };
    let mut setting = Setting::of(&mut case, how).await.expect("the case in operation");
    let request = case.steps.iter().flat_map(|step| &step.requests).find(|request| request.to.is_some());
    let request = request.expect("a request that is answered");
    let (host, path) = (request.host.as_deref().unwrap_or("any.example"), request.get.as_deref().unwrap_or("/"));
    let pace = Pace { connections: 4, requests_per_second: 400 };
    let load = Load::start(setting.socket(80), host, path, pace).expect("a load");
    for _ in 0..2 {
        for form in [TableForm::VirtualHosts, TableForm::Scopes, TableForm::Whole] {
            setting.switch(form).await.expect("the form");
            let (by_themselves, wanted) = (setting.hosts_by_themselves() > 0, form != TableForm::Whole);
            assert_eq!(by_themselves, wanted, "{form}");
            let until = load.report().total + 50;
            while load.report().total < until {
                tokio::task::yield_now().await;
            }
        }
    }
    let report = load.stop().await;
    assert!(report.failed == 0 && report.total > 400, "{report}");
}
