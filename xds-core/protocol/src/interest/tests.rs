//! Wildcards in both styles, and their interplay with names.
