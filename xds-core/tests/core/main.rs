//! The server over real sockets: what peers send and get, what the limits do, how streams and servers end.

mod client;
mod ends;
mod framing;
mod grants;
mod limits;
mod malformed;
mod repetitions;
mod running;
mod services;
mod slow;
mod times;
mod tls;
mod wire_requests;
mod wire_responses;
mod world;
