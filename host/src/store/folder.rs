//! A folder that many machines see (NFS, EFS, or one machine's own) as the object storage of a shared run.
//!
//! Promised: an object is there whole or not at all (it is written beside, synced, and given its name), and of two who create one, one is
//! told that it is there: by a hard link, which shared file systems do atomically too. Only what a shared run needs is here: no copies,
//! no uploads in parts, no conditions but "create".

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A folder of objects.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: Arc<PathBuf>,
}

impl Folder {
    /// Over a folder that is there.
    pub(super) fn new(root: &FsPath) -> Self {
        Self { root: Arc::new(root.to_owned()) }
    }

    fn file(&self, at: &Path) -> PathBuf {
        at.parts().fold(self.root.as_ref().clone(), |path, part| path.join(part.as_ref()))
    }

    fn put(&self, at: &Path, payload: &PutPayload, mode: &PutMode) -> Result<()> {
        let file = self.file(at);
        let folder = file.parent().unwrap_or(self.root.as_path());
        let beside = folder.join(format!(".{:032x}.part", fastrand::u128(..)));
        let written = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut part = File::options().write(true).create_new(true).open(&beside)?;
            payload.iter().try_for_each(|bytes| part.write_all(bytes))?;
            part.sync_all()?;
            match mode {
                PutMode::Create => fs::hard_link(&beside, &file)?,
                _ => fs::rename(&beside, &file)?,
            }
            #[cfg(unix)]
            File::open(folder)?.sync_all()?;
            Ok(())
        };
        let ended = written();
        // Renamed, it is gone.
        let _left_over = fs::remove_file(&beside);
        ended.map_err(|error| failed(error, at))
    }

    fn get(&self, at: &Path) -> Result<(Vec<u8>, ObjectMeta)> {
        let file = self.file(at);
        let content = fs::read(&file).map_err(|error| failed(error, at))?;
        let meta = meta(at.clone(), &fs::metadata(&file).map_err(|error| failed(error, at))?);
        Ok((content, meta))
    }

    /// What is directly below: objects, and folders.
    fn below(&self, at: &Path) -> Result<(Vec<ObjectMeta>, Vec<Path>)> {
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        let entries = match fs::read_dir(self.file(at)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((objects, folders)),
            entries => entries.map_err(|error| failed(error, at))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(error, at))?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let at = at.clone().join(name);
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(at),
                Ok(found) => objects.push(meta(at, &found)),
                // Taken away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error, &at)),
            }
        }
        Ok((objects, folders))
    }

    fn all_below(&self, at: &Path, all: &mut Vec<ObjectMeta>) -> Result<()> {
        let (objects, folders) = self.below(at)?;
        all.extend(objects);
        folders.iter().try_for_each(|folder| self.all_below(folder, all))
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let folder = self.clone();
        let ended = tokio::task::spawn_blocking(move || work(&folder)).await;
        ended.map_err(|error| Error::Generic { store: "folder", source: Box::new(error) })?
    }
}

#[async_trait::async_trait]
impl ObjectStore for Folder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if matches!(opts.mode, PutMode::Update(_)) {
            return Err(not_here("a conditional update"));
        }
        let at = location.clone();
        self.blocking(move |folder| folder.put(&at, &payload, &opts.mode)).await?;
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(not_here("an upload in parts"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.range.is_some() {
            return Err(not_here("a part of an object"));
        }
        let at = location.clone();
        let (content, meta) = self.blocking(move |folder| folder.get(&at)).await?;
        options.check_preconditions(&meta)?;
        let range = 0..content.len() as u64;
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(content.into()) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default(), extensions: Default::default() })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let folder = self.clone();
        let deleted = move |location: Result<Path>| {
            let location = location?;
            fs::remove_file(folder.file(&location)).map_err(|error| failed(error, &location))?;
            Ok(location)
        };
        locations.map(deleted).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let mut all = Vec::new();
        match self.all_below(prefix.unwrap_or(&Path::default()), &mut all) {
            Ok(()) => stream::iter(all.into_iter().map(Ok)).boxed(),
            Err(error) => stream::once(async move { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let at = prefix.cloned().unwrap_or_default();
        let (objects, common_prefixes) = self.blocking(move |folder| folder.below(&at)).await?;
        Ok(ListResult { common_prefixes, objects, extensions: Default::default() })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(not_here("a copy"))
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "file://{}", self.root.display())
    }
}

fn meta(location: Path, found: &fs::Metadata) -> ObjectMeta {
    let last_modified = found.modified().unwrap_or(std::time::UNIX_EPOCH).into();
    ObjectMeta { location, last_modified, size: found.len(), e_tag: None, version: None }
}

fn failed(error: io::Error, at: &Path) -> Error {
    let (path, kind) = (at.to_string(), error.kind());
    match kind {
        io::ErrorKind::NotFound => Error::NotFound { path, source: Box::new(error) },
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: Box::new(error) },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::PermissionDenied { path, source: Box::new(error) }
        }
        _ => Error::Generic { store: "folder", source: Box::new(error) },
    }
}

fn not_here(what: &str) -> Error {
    Error::NotSupported { source: format!("a folder has not {what}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;

    fn create() -> PutOptions {
        PutMode::Create.into()
    }

    #[tokio::test]
    async fn an_object_is_made_once_and_read_as_it_was_made() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, at) = (Folder::new(dir.path()), Path::from("a/b.json"));
        assert!(matches!(folder.get(&at), Err(Error::NotFound { .. })));
        let each = (0..8u8).map(|one| {
            let (folder, at) = (folder.clone(), at.clone());
            tokio::spawn(async move { folder.put_opts(&at, vec![one; 9].into(), create()).await.is_ok() })
        });
        let each: Vec<_> = each.collect();
        let mut made = Vec::new();
        for one in each {
            made.push(one.await.unwrap());
        }
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
        let winner = made.iter().position(|made| *made).unwrap() as u8;
        let found = ObjectStoreExt::get(&folder, &at).await.unwrap().bytes().await.unwrap();
        assert_eq!(found.as_ref(), [winner; 9]);
        let again = folder.put_opts(&at, vec![].into(), create()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    }

    #[tokio::test]
    async fn a_listing_has_what_is_below_and_nothing_half_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        for name in ["a/1", "a/b/2", "c"] {
            folder.put_opts(&Path::from(name), vec![1].into(), create()).await.unwrap();
        }
        fs::write(dir.path().join("a/.x.part"), "half").unwrap();
        let mut names: Vec<String> =
            folder.list(Some(&Path::from("a"))).map(|found| found.unwrap().location.to_string()).collect().await;
        names.sort();
        assert_eq!(names, ["a/1", "a/b/2"]);
        let listed = folder.list_with_delimiter(None).await.unwrap();
        assert_eq!((listed.objects.len(), listed.common_prefixes.len()), (1, 1));
        assert!(folder.list_with_delimiter(Some(&Path::from("none"))).await.unwrap().objects.is_empty());
        folder.delete(&Path::from("c")).await.unwrap();
        assert!(matches!(folder.get(&Path::from("c")), Err(Error::NotFound { .. })));
    }
}
