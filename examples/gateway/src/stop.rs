//! How a person or a supervisor says that it is enough.

use tokio::signal;

/// Waits for ctrl-c, or for SIGTERM.
pub(crate) async fn asked() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = signal::ctrl_c() => return,
        }
    }
    let _ = signal::ctrl_c().await;
}
