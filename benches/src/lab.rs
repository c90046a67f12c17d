//! The lab: a server in one process, a herd of raw streams in another, and what the server takes to serve them.

mod attach;
mod bare;
mod chance;
mod channel;
mod client;
mod fan_out;
mod freshness;
mod grpc;
mod herd;
mod machine;
mod peer;
mod row;
mod scripts;
mod served;
mod server;
mod setting;
mod site;
mod skim;
mod tap;
mod tls;
mod usage;
mod wire;
mod workload;

pub use attach::{Attach, AttachTls, Attached};
pub use fan_out::{Experiment, FanOut};
pub use machine::Cores;
pub use peer::go_control_plane;
pub use row::{Row, table};
pub use served::Served;
pub use server::serve;
pub use setting::{Content, Greeting, Kind, Novelty, Setting, TlsFiles};
pub use site::Site;
pub use usage::Usage;
pub use workload::{Lab, Pace, Size, Workload};
