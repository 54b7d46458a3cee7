//! The cache of compiled components: which images are trusted, and which are kept.

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustix::{
    fs::{Access, StatVfsMountFlags, access, statvfs},
    process::geteuid,
};

use crate::own_dir;

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

/// Returns the cache for a directory that was named: that one, or one beneath it if other users can write to it.
pub(crate) fn cache_dir_at(named: &Path) -> PathBuf {
    let is_trusted = |owner| owner == 0 || owner == geteuid().as_raw();
    match own_dir::is_shared(named, is_trusted) {
        true => own_dir::beneath(named),
        false => named.to_owned(),
    }
}

/// Loads an image if there is one that can be trusted; another one is made in its place.
pub(super) fn open_image(
    engine: &wasmtime::Engine,
    path: &Path,
) -> Option<wasmtime::component::Component> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || !is_trusted(&metadata) {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "an image is machine code and must come from our own compiler: file and directory belong to this user \
                  or root, nobody else may write to them, and images are put there whole under a name that is a hash of the \
                  component, by `compile_here` alone"
    )]
    let component = unsafe { wasmtime::component::Component::deserialize_file(engine, path) };
    if component.is_ok() {
        // When it was last used decides which images are kept; it is no harm if that is not known.
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
    component
        .inspect_err(
            |error| tracing::warn!(image = %path.display(), %error, "cached image not loaded"),
        )
        .ok()
}

/// Loads an image from memory, where it is not saved.
pub(super) fn load_image(
    engine: &wasmtime::Engine,
    image: &[u8],
) -> wasmtime::Result<wasmtime::component::Component> {
    #[expect(
        unsafe_code,
        reason = "an image is machine code and must come from our own compiler: it came through a pipe from the child \
                  process that has compiled it"
    )]
    unsafe {
        wasmtime::component::Component::deserialize(engine, image)
    }
}

/// Returns true if only this user and root, who can do anything anyway, can write to it.
pub(super) fn is_trusted(metadata: &fs::Metadata) -> bool {
    let is_root = metadata.uid() == 0;
    (is_root || metadata.uid() == geteuid().as_raw()) && metadata.mode() & 0o022 == 0
}

/// Returns true if this process can store images in the directory.
pub(super) fn is_writable(cache: &Path) -> bool {
    access(cache, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Returns true if the directory is on a file system from which no machine code may be mapped.
pub(super) fn is_noexec(cache: &Path) -> bool {
    statvfs(cache).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// Stores an image atomically, so that a reader never sees half of one.
pub(super) fn store_image(image: &Path, code: &[u8]) -> io::Result<()> {
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

/// Returns whether a file has a name that [`image_name`] gives, for any version of wasmtime, or the temporary one of
/// [`store_image`]. Other files of the directory never have such names, so they stay untouched.
fn is_image_name(name: &str) -> bool {
    let is_hex = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let Some((key, ending)) = name.split_once('.') else {
        return false;
    };
    let ends_as_ours = match ending.strip_suffix(".part") {
        Some(process) => is_number(process),
        None => ending == "cwasm",
    };
    let parts: Vec<_> = key.split('-').collect();
    matches!(parts[..], [sha256, wasmtime, settings]
        if is_hex(sha256, 64) && is_number(wasmtime) && is_hex(settings, 16))
        && ends_as_ours
}

/// Removes the images not used for longest, so that a component built again and again does not fill the disk. Touches
/// nothing else in the directory.
pub(super) fn remove_unused(cache: &Path) -> io::Result<()> {
    let mut images = Vec::new();
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(is_image_name) {
            continue;
        }
        // Another process may be faster. A link is not followed: it is not one of ours.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
            && let Ok(used) = metadata.modified()
        {
            images.push((used, entry.path()));
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

    /// A file with this name, last used so many seconds after 1970.
    fn file(dir: &Path, name: &str, used: u64) {
        let file = File::create(dir.join(name)).unwrap();
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(used);
        file.set_modified(used).unwrap();
    }

    fn image(number: u64) -> String {
        format!("{number:064x}-{WASMTIME}-{number:016x}.cwasm")
    }

    #[test]
    fn the_images_not_used_for_longest_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..MAX_IMAGES as u64 + 3 {
            file(dir.path(), &image(number), number);
        }
        remove_unused(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MAX_IMAGES);
        assert!(!dir.path().join(image(2)).exists());
        assert!(dir.path().join(image(3)).exists());
    }

    #[test]
    fn nothing_else_in_the_directory_is_touched_however_old_and_however_much_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let foreign = |number: usize| format!("{number}.cwasm");
        for number in 0..2 * MAX_IMAGES {
            file(dir.path(), &foreign(number), 0);
        }
        fs::create_dir(dir.path().join(image(1000))).unwrap();
        let (old, new) = (image(1), image(2));
        file(dir.path(), &old, 1);
        file(dir.path(), &new, 2);
        remove_unused(dir.path()).unwrap();
        for name in [old, new, image(1000)] {
            assert!(dir.path().join(name).exists(), "they are few");
        }
        assert!((0..2 * MAX_IMAGES).all(|number| dir.path().join(foreign(number)).exists()));
    }

    #[test]
    fn an_image_and_half_an_image_are_told_from_other_files_by_their_names() {
        let engine = super::super::engine::engine().unwrap();
        let name = image_name(&engine, &"0".repeat(64));
        assert!(is_image_name(&name), "{name}");
        let part = Path::new(&name).with_extension("123.part");
        assert!(is_image_name(part.to_str().unwrap()), "{part:?}");
        for foreign in [
            "notes.txt",
            "thermostat.cwasm",
            &format!("{}.cwasm", "0".repeat(64)),
            &name.replace(".cwasm", ".wasm"),
            &format!("{name}.bak"),
            &format!("my-{name}"),
        ] {
            assert!(!is_image_name(foreign), "{foreign}");
        }
    }
}
