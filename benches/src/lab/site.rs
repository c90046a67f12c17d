//! Where experiments are made: on which cores, and in plain text or not.

use super::machine::Cores;
use super::setting::{Content, Setting};
use super::tls::Certificates;
use crate::stand::Failure;

/// What all experiments of a run have in common.
pub struct Site {
    /// Where servers and the load run.
    pub cores: Cores,
    pub(super) certificates: Option<Certificates>,
}

impl Site {
    /// Plain text.
    pub fn plain(cores: Cores) -> Site {
        Site { cores, certificates: None }
    }

    /// Mutual TLS, with certificates made for this run.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn tls(cores: Cores) -> Result<Site, Failure> {
        Ok(Site { cores, certificates: Some(Certificates::make()?) })
    }

    /// Whether connections are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.certificates.is_some()
    }

    pub(super) fn setting(&self, content: Content, resources: usize) -> Setting {
        let tls = self.certificates.as_ref().map(|certificates| certificates.server.clone());
        Setting { tls, ..Setting::new(content, resources) }
    }
}
