"""A file system that fails on demand: failing_disk.py FOLDER MOUNT_POINT FAULT.

Shows FOLDER at MOUNT_POINT. While the file FAULT holds the name of an error, such as EIO, writes fail with it.
"""

import errno
import os
import sys

from fusepy import FUSE, FuseOSError, Operations

STAT = ("mode", "ino", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime", "blocks")


class FailingDisk(Operations):
    """Passes everything on to a folder."""

    def __init__(self, folder, fault):
        self.folder = folder
        self.fault = fault

    def path(self, path):
        return self.folder + path

    def check(self):
        """Fails if a fault is active."""
        try:
            with open(self.fault) as fault:
                name = fault.read().strip()
        except FileNotFoundError:
            return
        if name:
            raise FuseOSError(getattr(errno, name))

    def getattr(self, path, fh=None):
        try:
            found = os.lstat(self.path(path))
        except OSError as error:
            raise FuseOSError(error.errno) from error
        return {f"st_{name}": getattr(found, f"st_{name}") for name in STAT}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.path(path))]

    def open(self, path, flags):
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.check()
        return os.open(self.path(path), flags)

    def create(self, path, mode, fi=None):
        self.check()
        return os.open(self.path(path), os.O_RDWR | os.O_CREAT, mode)

    def mknod(self, path, mode, dev):
        self.check()
        return os.mknod(self.path(path), mode, dev)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        self.check()
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        self.check()
        os.truncate(self.path(path), length)

    def fsync(self, path, datasync, fh):
        self.check()
        os.fsync(fh)

    def release(self, path, fh):
        os.close(fh)

    def mkdir(self, path, mode):
        self.check()
        os.mkdir(self.path(path), mode)

    def unlink(self, path):
        self.check()
        os.unlink(self.path(path))

    def rename(self, old, new):
        self.check()
        os.rename(self.path(old), self.path(new))

    def chmod(self, path, mode):
        os.chmod(self.path(path), mode)

    def utimens(self, path, times=None):
        os.utime(self.path(path), times)


if __name__ == "__main__":
    folder, mount_point, fault = map(os.path.abspath, sys.argv[1:])
    FUSE(FailingDisk(folder, fault), mount_point, foreground=True, nothreads=True)
