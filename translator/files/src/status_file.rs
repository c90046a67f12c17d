//! Statuses, written to a file of their own: never back into the files they are about.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chancery_translator::api::{GATEWAY_GROUP, ObjectId};
use serde::Serialize;
use serde_json::{Value, json};

/// Why statuses cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusFileError {
    /// The file would be read as a source.
    #[error("{} is within the directory {}, which is read: statuses are written elsewhere", path.display(), root.display())]
    WithinSource {
        /// The file.
        path: PathBuf,
        /// The directory that is read.
        root: PathBuf,
    },
    /// The file system said no.
    #[error("cannot write statuses to {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A status has no text form.
    #[error("the status of {object} cannot be written: {reason}")]
    Unwritable {
        /// The object.
        object: String,
        /// Why.
        reason: String,
    },
}

/// Whether the file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It says something new.
    Changed,
    /// It says this already, and was left alone.
    Unchanged,
}

/// A file with the statuses of objects. It is replaced as a whole, by a rename, and only when it changes: a reader never sees
/// half of it.
///
/// A name that ends with `.json` gets a `List`; any other gets YAML documents. Each object has what names it, and its status.
///
/// ```
/// # let directory = tempfile::tempdir().unwrap();
/// # let (source, out) = (directory.path().join("source"), directory.path().join("status.yaml"));
/// # std::fs::create_dir(&source).unwrap();
/// use chancery_files::{StatusFile, Written};
/// use chancery_translator::api::{Kind, ObjectId, RouteStatus, Status};
///
/// let route = ObjectId::new(Kind::HTTPRoute, "shop", "cart");
/// let statuses = std::collections::BTreeMap::from([(route, Status::Route(RouteStatus::default()))]);
/// let file = StatusFile::open(out, &source)?;
/// assert_eq!(file.write(&statuses)?, Written::Changed);
/// assert_eq!(file.write(&statuses)?, Written::Unchanged);
/// # Ok::<(), chancery_files::StatusFileError>(())
/// ```
#[derive(Debug, Clone)]
pub struct StatusFile {
    path: PathBuf,
}

impl StatusFile {
    /// This file, which must not be within the directory `source_root` that is read.
    ///
    /// # Errors
    /// When it is, or its directory does not exist.
    pub fn open(path: impl Into<PathBuf>, source_root: &Path) -> Result<StatusFile, StatusFileError> {
        let path = path.into();
        let failed = |source| StatusFileError::Io { path: path.clone(), source };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let parent = parent.canonicalize().map_err(failed)?;
        let root = source_root.canonicalize().map_err(failed)?;
        match parent.starts_with(&root) {
            true => Err(StatusFileError::WithinSource { path, root }),
            false => Ok(StatusFile { path }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the statuses, if the file does not say them already.
    ///
    /// # Errors
    /// When the file cannot be written; it is then what it was.
    pub fn write<S: Serialize>(&self, statuses: &BTreeMap<ObjectId, S>) -> Result<Written, StatusFileError> {
        let text = self.text(statuses)?;
        if fs::read(&self.path).is_ok_and(|written| written == text.as_bytes()) {
            return Ok(Written::Unchanged);
        }
        let failed = |source| StatusFileError::Io { path: self.path.clone(), source };
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let draft = self.path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.path)).map_err(|error| {
            // Nothing is left behind; what went wrong is told by the first error.
            let _ = fs::remove_file(&draft);
            failed(error)
        })?;
        Ok(Written::Changed)
    }

    fn text<S: Serialize>(&self, statuses: &BTreeMap<ObjectId, S>) -> Result<String, StatusFileError> {
        let objects = statuses.iter().map(|(id, status)| described(id, status)).collect::<Result<Vec<_>, _>>()?;
        let unwritable = |reason: String| StatusFileError::Unwritable { object: "a list".to_owned(), reason };
        if self.path.extension().is_some_and(|extension| extension == "json") {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
            let text = serde_json::to_string_pretty(&list).map_err(|error| unwritable(error.to_string()))?;
            return Ok(text + "\n");
        }
        let documents = objects
            .iter()
            .map(|object| serde_saphyr::to_string(object).map(|text| format!("---\n{}\n", text.trim_end())));
        documents.collect::<Result<String, _>>().map_err(|error| unwritable(error.to_string()))
    }
}

fn described<S: Serialize>(id: &ObjectId, status: &S) -> Result<Value, StatusFileError> {
    let status = serde_json::to_value(status)
        .map_err(|error| StatusFileError::Unwritable { object: id.to_string(), reason: error.to_string() })?;
    let api_version = match id.kind.group() {
        "" => "v1".to_owned(),
        GATEWAY_GROUP => format!("{GATEWAY_GROUP}/v1"),
        group => format!("{group}/v1"),
    };
    let mut metadata = json!({"name": &*id.name});
    if !id.namespace.is_empty() {
        metadata["namespace"] = Value::from(&*id.namespace);
    }
    Ok(json!({"apiVersion": api_version, "kind": id.kind.as_str(), "metadata": metadata, "status": status}))
}
