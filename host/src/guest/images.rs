//! Compiled components on disk: which of them are trusted, and which are kept.

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    time::SystemTime,
};

use rustix::process::geteuid;

/// The wasmtime whose images these are; part of each image's key.
const WASMTIME: &str = "48";
/// Images kept: about 1 MB each, and far more than a developer goes back to.
const MAX_IMAGES: usize = 50;

/// An image fits one component under one wasmtime with one configuration on one kind of processor.
pub(super) fn image_name(engine: &wasmtime::Engine, sha256: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{sha256}-{WASMTIME}-{:016x}.cwasm", hasher.finish())
}

/// Loads an image if there is one that can be trusted; another one is made in its place.
pub(super) fn open_image(
    engine: &wasmtime::Engine,
    path: &Path,
) -> Option<wasmtime::component::Component> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || !is_private(&metadata) {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "an image is machine code and must come from our own compiler: file and directory belong to this user, \
                  nobody else may write to them, and images are put there whole under a name that is a hash of the \
                  component, by `compile_here` alone"
    )]
    let component = unsafe { wasmtime::component::Component::deserialize_file(engine, path) };
    if component.is_ok() {
        // When it was last used decides which images are kept; it is no harm if that is not known.
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
    component
        .inspect_err(
            |error| tracing::warn!(image = %path.display(), %error, "the image cannot be loaded"),
        )
        .ok()
}

/// Whether only this user may write to it.
pub(super) fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Puts the image in place whole, so that a reader never sees half of one.
pub(super) fn keep(image: &Path, code: &[u8]) -> io::Result<()> {
    let part = image.with_extension(format!("{}.part", std::process::id()));
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(code)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&part, image))
        .inspect_err(|_| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&part);
        })
}

/// Removes the images not used for longest, so that a component built again and again does not fill the disk.
pub(super) fn forget_unused(cache: &Path) -> io::Result<()> {
    let mut images = Vec::new();
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        // Another process may be faster.
        if let Ok(used) = fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            images.push((used, path));
        }
    }
    images.sort();
    let excess = images.len().saturating_sub(MAX_IMAGES);
    for (_, path) in images.into_iter().take(excess) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_images_not_used_for_longest_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..MAX_IMAGES as u64 + 3 {
            let file = File::create(dir.path().join(format!("{number}.cwasm"))).unwrap();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(number);
            file.set_modified(used).unwrap();
        }
        forget_unused(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MAX_IMAGES);
        assert!(!dir.path().join("2.cwasm").exists());
        assert!(dir.path().join("3.cwasm").exists());
    }
}
