//! The Envoy releases the product is held against.

use std::fmt;
use std::str::FromStr;

/// An Envoy release this kit can install: the newest patch of each minor version the registry publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(non_camel_case_types, reason = "a version number with its dot left out would read as another number")]
pub enum EnvoyVersion {
    /// 1.36.4, the oldest supported.
    V1_36,
    /// 1.37.0
    V1_37,
    /// 1.38.3
    V1_38,
    /// 1.39.3
    V1_39,
    /// 1.40.0, the newest.
    V1_40,
}

impl EnvoyVersion {
    /// Every version, oldest first.
    pub const ALL: [EnvoyVersion; 5] =
        [EnvoyVersion::V1_36, EnvoyVersion::V1_37, EnvoyVersion::V1_38, EnvoyVersion::V1_39, EnvoyVersion::V1_40];

    /// The full number: `1.36.4`.
    pub fn number(self) -> &'static str {
        match self {
            EnvoyVersion::V1_36 => "1.36.4",
            EnvoyVersion::V1_37 => "1.37.0",
            EnvoyVersion::V1_38 => "1.38.3",
            EnvoyVersion::V1_39 => "1.39.3",
            EnvoyVersion::V1_40 => "1.40.0",
        }
    }

    /// The environment variable that names a binary to use for this version instead of installing one:
    /// `CHANCERY_ENVOY_1_36`.
    pub fn variable(self) -> &'static str {
        match self {
            EnvoyVersion::V1_36 => "CHANCERY_ENVOY_1_36",
            EnvoyVersion::V1_37 => "CHANCERY_ENVOY_1_37",
            EnvoyVersion::V1_38 => "CHANCERY_ENVOY_1_38",
            EnvoyVersion::V1_39 => "CHANCERY_ENVOY_1_39",
            EnvoyVersion::V1_40 => "CHANCERY_ENVOY_1_40",
        }
    }
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

/// No release this kit knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no Envoy {0:?} here: take 1.36, 1.37, 1.38, 1.39 or 1.40")]
pub struct UnknownVersion(String);

/// Reads `1.40` as well as `1.40.0`.
///
/// ```
/// use chancery_testkit::EnvoyVersion;
/// assert_eq!("1.36".parse(), Ok(EnvoyVersion::V1_36));
/// assert_eq!("1.40.0".parse(), Ok(EnvoyVersion::V1_40));
/// assert!("1.4".parse::<EnvoyVersion>().is_err());
/// ```
impl FromStr for EnvoyVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let minor = |version: &EnvoyVersion| version.number().rsplit_once('.').map(|(minor, _)| minor);
        let named =
            EnvoyVersion::ALL.into_iter().find(|version| version.number() == text || minor(version) == Some(text));
        named.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}
