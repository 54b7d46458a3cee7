//! The cache of compiled components: which images are trusted, and which are kept.

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustix::{fs::OFlags, process::geteuid};
use twox_hash::XxHash3_64;
use wasmtime::{Engine, component::Component};

use crate::own_dir;

/// The wasmtime whose images these are; part of each image's key.
const WASMTIME: &str = "48";
/// The format of a file: machine code, then its checksum. Part of each image's key.
const FORMAT: u32 = 2;
/// The size limit of the cache in bytes: the four versions a device may need of a component with a Python interpreter, or
/// some hundred versions of a small one.
pub(super) const MAX_CACHE_SIZE: u64 = 256 << 20;
/// The length of a checksum, in bytes.
const CHECKSUM_LENGTH: usize = size_of::<u64>();

/// An image fits one component under one wasmtime with one configuration on one kind of processor.
pub(super) fn image_name(engine: &Engine, sha256: &str) -> String {
    let mut hasher = DefaultHasher::new();
    FORMAT.hash(&mut hasher);
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

/// An image in memory.
#[derive(Clone)]
pub(super) struct LoadedImage {
    pub(super) component: Component,
    /// The file, locked so that it stays in the cache while the component is in use; `None` if it is not there.
    pub(super) file: Option<Arc<File>>,
}

/// Loads an image if there is one that can be trusted. A damaged one is removed; another one is made in its place.
pub(super) fn open_image(engine: &Engine, path: &Path) -> Option<LoadedImage> {
    let file = open_trusted(path)?;
    match read_image(engine, &file) {
        Ok(component) => {
            // When it was last used decides which images are kept; it is no harm if that is not known.
            let _ = file.set_modified(SystemTime::now());
            let file = Some(Arc::new(file));
            Some(LoadedImage { component, file })
        }
        Err(reason) => {
            tracing::warn!(
                target: "compilation", image = %path.display(), reason,
                "compiled component unusable; compiling it again"
            );
            // It is replaced by the new one anyway.
            let _ = fs::remove_file(path);
            None
        }
    }
}

/// Opens an image that only this user or root can have written, and locks it.
pub(super) fn open_trusted(path: &Path) -> Option<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    // Without the lock it may be removed from the cache, and only that.
    let _ = file.try_lock_shared();
    (metadata.is_file() && is_trusted(&metadata)).then_some(file)
}

/// Reads an image into memory, so that the code that runs is the code that was checked: pages of a mapped file are read
/// again at any time.
fn read_image(engine: &Engine, file: &File) -> Result<Component, String> {
    let unreadable = |error| format!("cannot read it: {error}");
    let length = file.metadata().map_err(unreadable)?.len();
    if length > MAX_CACHE_SIZE {
        return Err(format!("damaged: its size is {length} bytes"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_CACHE_SIZE)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let code = verified(&bytes).ok_or("damaged: its checksum is wrong")?;
    load_image(engine, code).map_err(|error| format!("{error:#}"))
}

/// Makes a component of machine code.
pub(super) fn load_image(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "the machine code must come from our own compiler: it is that of our child process, or of a file whose \
                  checksum is right, which only this user or root can have written"
    )]
    unsafe {
        Component::deserialize(engine, code)
    }
}

/// Returns the machine code of a file if its checksum is right.
fn verified(bytes: &[u8]) -> Option<&[u8]> {
    let (code, stored) = bytes.split_last_chunk::<CHECKSUM_LENGTH>()?;
    (checksum(code) == *stored).then_some(code)
}

fn checksum(code: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    XxHash3_64::oneshot(code).to_le_bytes()
}

/// Returns true if only this user and root, who can do anything anyway, can write to it.
pub(super) fn is_trusted(metadata: &fs::Metadata) -> bool {
    let is_root = metadata.uid() == 0;
    (is_root || metadata.uid() == geteuid().as_raw()) && metadata.mode() & 0o022 == 0
}

/// Stores an image atomically, so that a reader never sees half of one.
pub(super) fn store_image(image: &Path, code: &[u8]) -> io::Result<()> {
    let part = image.with_extension(format!("{}.part", std::process::id()));
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&part)?;
    file.write_all(code)
        .and_then(|()| file.write_all(&checksum(code)))
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

/// Removes the images not used for longest until the others have at most `max_size` bytes. Keeps those that a process uses,
/// and the one just made. Touches nothing else in the directory.
pub(super) fn remove_unused(cache: &Path, max_size: u64, made: &Path) -> io::Result<()> {
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
            images.push((used, entry.path(), metadata.len()));
        }
    }
    images.sort();
    let mut size: u64 = images.iter().map(|(.., size)| size).sum();
    for (_, path, length) in images {
        if size <= max_size {
            break;
        }
        if path != made && !is_in_use(&path) && fs::remove_file(path).is_ok() {
            size -= length;
        }
    }
    Ok(())
}

fn is_in_use(image: &Path) -> bool {
    let locked = File::open(image).map(|file| file.try_lock());
    matches!(locked, Ok(Err(fs::TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A file with this name, last used so many seconds after 1970, of this size.
    fn file(dir: &Path, name: &str, used: u64, size: u64) {
        let file = File::create(dir.join(name)).unwrap();
        file.set_len(size).unwrap();
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(used);
        file.set_modified(used).unwrap();
    }

    fn image(number: u64) -> String {
        format!("{number:064x}-{WASMTIME}-{number:016x}.cwasm")
    }

    #[test]
    fn the_images_not_used_for_longest_are_removed_and_none_in_use() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..6 {
            file(dir.path(), &image(number), number, 10);
        }
        let path = |number| dir.path().join(image(number));
        let in_use = File::open(path(1)).unwrap();
        in_use.lock_shared().unwrap();
        remove_unused(dir.path(), 30, &path(0)).unwrap();
        let left: Vec<_> = (0..6).filter(|number| path(*number).exists()).collect();
        assert_eq!(
            left,
            [0, 1, 5],
            "the one just made, the one in use and the newest"
        );
        remove_unused(dir.path(), 0, &path(0)).unwrap();
        let left: Vec<_> = (0..6).filter(|number| path(*number).exists()).collect();
        assert_eq!(left, [0, 1]);
    }

    #[test]
    fn nothing_else_in_the_directory_is_touched_however_old_and_however_much_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let foreign = |number: usize| format!("{number}.cwasm");
        for number in 0..10 {
            file(dir.path(), &foreign(number), 0, 1000);
        }
        fs::create_dir(dir.path().join(image(1000))).unwrap();
        let (old, new) = (image(1), image(2));
        file(dir.path(), &old, 1, 10);
        file(dir.path(), &new, 2, 10);
        remove_unused(dir.path(), 20, &dir.path().join(&new)).unwrap();
        for name in [old, new, image(1000)] {
            assert!(dir.path().join(name).exists(), "they are small");
        }
        assert!((0..10).all(|number| dir.path().join(foreign(number)).exists()));
    }

    #[test]
    fn an_image_with_any_bit_flipped_or_any_byte_missing_is_removed_and_not_run() {
        let engine = super::super::engine::engine().unwrap();
        // An empty component.
        let code = engine.precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        store_image(&path, &code).unwrap();
        assert!(open_image(&engine, &path).is_some());
        let whole = fs::read(&path).unwrap();
        let damaged = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            assert!(open_image(&engine, &path).is_none());
            assert!(!path.exists());
            store_image(&path, &code).unwrap();
        };
        for at in (0..whole.len()).step_by(whole.len() / 50) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            damaged(&bytes);
            damaged(&whole[..at]);
        }
        assert!(open_image(&engine, &path).is_some());
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
