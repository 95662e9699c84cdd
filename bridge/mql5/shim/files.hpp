// MQL5's files, in the directory of --files. What was not flushed is lost in a crash, as it would be there.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>

#include "runtime.hpp"

enum { FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_REWRITE = 512 };
enum ENUM_FILE_POSITION { SEEK_SET_FILE = 0, SEEK_CUR_FILE = 1, SEEK_END_FILE = 2 };
#undef SEEK_END
#define SEEK_END SEEK_END_FILE

struct OpenFile {
  int fd;
  bool writes;
  bool is_journal;
  std::string waiting;
};

inline std::string &files_folder() {
  static std::string folder = ".";
  return folder;
}
inline std::map<int, OpenFile> &open_files() {
  static std::map<int, OpenFile> files;
  return files;
}
// Files that lie elsewhere.
inline std::map<std::string, std::string> &file_aliases() {
  static std::map<std::string, std::string> aliases;
  return aliases;
}
inline std::string file_path(const string &name) {
  const auto alias = file_aliases().find(name.utf8());
  return alias != file_aliases().end() ? alias->second : files_folder() + "/" + name.utf8();
}

inline bool FileIsExist(const string &name) { return access(file_path(name).c_str(), F_OK) == 0; }

// Without FILE_SHARE_* nobody else may write to it meanwhile.
inline int FileOpen(const string &name, int flags) {
  const bool writes = (flags & FILE_WRITE) != 0;
  const bool reads = (flags & FILE_READ) != 0;
  int mode = O_CLOEXEC | (writes ? O_RDWR | O_CREAT : O_RDONLY);
  const int fd = open(file_path(name).c_str(), mode, 0600);
  if (fd < 0 || (writes && flock(fd, LOCK_EX | LOCK_NB) != 0)) {
    if (fd >= 0) close(fd);
    last_error_code() = ERR_CANNOT_OPEN_FILE;
    return INVALID_HANDLE;
  }
  if (writes && !reads && ftruncate(fd, 0) != 0) last_error_code() = ERR_FILE_WRITEERROR;
  static int handles = 0;
  const std::string path = name.utf8();
  const bool is_journal = path.size() > 8 && path.compare(path.size() - 8, 8, ".journal") == 0;
  open_files()[++handles] = OpenFile{fd, writes, is_journal, ""};
  return handles;
}

// The crash points around the flush of a line, with `before`, `torn` and `after` for `%`: `order:%_journal`,
// `order:%_sending`, `order:%_answered`, the same with `deadman:` for the advisor's own orders, `session:%_epoch`, and
// `journal:%_KIND` for every other kind of line.
inline std::string point_of(const OpenFile &file, const std::string &when) {
  std::stringstream line(file.waiting);
  std::string number, kind, magic;
  std::getline(line, number, '|');
  std::getline(line, kind, '|');
  std::getline(line, magic, '|');
  const std::string whose = std::strtoull(magic.c_str(), nullptr, 10) >= (1ull << 52) ? "deadman:" : "order:";
  if (kind == "order") return whose + when + "_journal";
  if (kind == "sending") return whose + when + "_sending";
  if (kind == "answered" || kind == "unknown") return whose + when + "_answered";
  if (kind == "epoch") return "session:" + when + "_epoch";
  return "journal:" + when + "_" + kind;
}

inline void write_out(OpenFile &file, size_t count) {
  size_t done = 0;
  while (done < count) {
    const ssize_t wrote = write(file.fd, file.waiting.data() + done, count - done);
    if (wrote < 0) {
      last_error_code() = ERR_FILE_WRITEERROR;
      return;
    }
    done += static_cast<size_t>(wrote);
  }
  if (fdatasync(file.fd) != 0) last_error_code() = ERR_FILE_WRITEERROR;
}

inline void FileFlush(int handle) {
  OpenFile &file = open_files().at(handle);
  if (file.waiting.empty()) return;
  if (file.is_journal) {
    crash_point(point_of(file, "before"));
    if (crash_is_due(point_of(file, "torn"))) {
      write_out(file, file.waiting.size() / 2);
      std::raise(SIGKILL);
    }
  }
  write_out(file, file.waiting.size());
  const std::string after = file.is_journal ? point_of(file, "after") : "";
  file.waiting.clear();
  if (!after.empty()) crash_point(after);
}

inline void FileClose(int handle) {
  FileFlush(handle);
  close(open_files().at(handle).fd);
  open_files().erase(handle);
}

inline uint FileWriteArray(int handle, const Array<uchar> &bytes, int from, int count) {
  OpenFile &file = open_files().at(handle);
  if (!file.writes) return 0;
  file.waiting.append(reinterpret_cast<const char *>(bytes.items.data()) + from, static_cast<size_t>(count));
  return static_cast<uint>(count);
}

// A dynamic array grows as needed.
inline uint FileReadArray(int handle, Array<uchar> &bytes, int from, int count) {
  if (ArraySize(bytes) < from + count) ArrayResize(bytes, from + count);
  size_t done = 0;
  while (done < static_cast<size_t>(count)) {
    const ssize_t got = read(open_files().at(handle).fd, &bytes[from] + done, static_cast<size_t>(count) - done);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return static_cast<uint>(done);
}

inline ulong FileSize(int handle) {
  struct stat info;
  return fstat(open_files().at(handle).fd, &info) == 0 ? static_cast<ulong>(info.st_size) : 0;
}

inline bool FileSeek(int handle, long offset, ENUM_FILE_POSITION origin) {
  const int whence = origin == SEEK_END_FILE ? 2 : origin == SEEK_CUR_FILE ? 1 : 0;
  return lseek(open_files().at(handle).fd, offset, whence) >= 0;
}

inline bool FileMove(const string &from, int, const string &to, int flags) {
  if (FileIsExist(to) && (flags & FILE_REWRITE) == 0) return false;
  return rename(file_path(from).c_str(), file_path(to).c_str()) == 0;
}
