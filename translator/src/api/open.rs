//! Enumerations that stay readable when a value is not one of them.

/// Declares an enumeration that is read from a string and keeps what it does not know.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A value this translator does not know.
            Other(String),
        }

        impl $name {
            /// The value as it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            /// The values that are known.
            pub const KNOWN: &[&str] = &[$($text),+];
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use open_enum;

open_enum! {
    /// Whose objects may attach.
    FromNamespaces {
        /// Those of every namespace.
        All = "All",
        /// Those of the same namespace.
        Same = "Same",
        /// Those of the namespaces a label selector chooses.
        Selector = "Selector",
        /// Nobody's.
        None = "None",
    }
}

open_enum! {
    /// How a label is compared.
    LabelOperator {
        /// It has one of the values.
        In = "In",
        /// It has none of the values, or is absent.
        NotIn = "NotIn",
        /// It is present.
        Exists = "Exists",
        /// It is absent.
        DoesNotExist = "DoesNotExist",
    }
}
