//! The rules that have changed between the releases of Envoy.

/// Which release's rules are followed, named by the first release that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rules {
    /// Several values of one header are compared as one, with commas between. With
    /// `ignore_path_parameters_in_path_matching` a path ends at its first `;`.
    Envoy1_36,
    /// One value of a header that passes is enough. Path parameters end with their segment.
    #[default]
    Envoy1_39,
}
