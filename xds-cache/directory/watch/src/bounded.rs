//! A file's bytes, if there are not too many.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The bytes of the file, of which there may be this many. A larger file is not read, and its size named.
///
/// # Errors
/// As reading does; [`io::ErrorKind::FileTooLarge`] for a file that is too large.
pub fn read_bounded(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let too_large = |bytes: u64| {
        let why = format!("its {bytes} bytes are more than the {most_bytes} a file may have");
        io::Error::new(io::ErrorKind::FileTooLarge, why)
    };
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > most_bytes {
        return Err(too_large(bytes));
    }
    let mut read = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut read)?;
    match read.len() as u64 > most_bytes {
        // It grew while it was read.
        true => Err(too_large(read.len() as u64)),
        false => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_by_its_size() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join("large");
        File::create(&path).and_then(|file| file.set_len(50 << 20)).expect("to make it");
        let error = read_bounded(&path, 16 << 20).expect_err("too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("52428800"), "{error}");
        assert_eq!(read_bounded(&path, 50 << 20).expect("just right").len(), 50 << 20);
    }
}
