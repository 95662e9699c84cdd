"""A lock that lives exactly as long as the process that holds it."""

import os

#: Beyond what is written into the file: on Windows a locked byte cannot be read by others.
_AT = 1 << 30


class Locked(Exception):
    """Another process holds it: `pid`, where it says so."""

    def __init__(self, path, pid):
        super().__init__(f"{path} is held by process {pid or '?'}")
        self.pid = pid


class Lock:
    """Holds the file locked until it is closed or the process ends, however it ends."""

    def __init__(self, path):
        self._file = open(path, "a+b")
        try:
            if os.name == "nt":
                import msvcrt

                self._file.seek(_AT)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read(20)
            self._file.close()
            raise Locked(path, int(holder) if holder.isdigit() else None) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()).encode())
        self._file.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gives it free."""
        self._file.close()
