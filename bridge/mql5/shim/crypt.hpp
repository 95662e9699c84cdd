// SHA-256 (FIPS 180-4), for CryptEncode.
#pragma once

#include <cstring>

#include "array.hpp"

inline std::vector<uchar> sha256(std::vector<uchar> message) {
  static const uint32_t k[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
      0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
      0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
      0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
      0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
      0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const uint64_t bits = static_cast<uint64_t>(message.size()) * 8;
  message.push_back(0x80);
  while (message.size() % 64 != 56) message.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<uchar>(bits >> shift));
  const auto turned = [](uint32_t word, int by) { return (word >> by) | (word << (32 - by)); };
  for (size_t begin = 0; begin < message.size(); begin += 64) {
    uint32_t w[64];
    for (size_t i = 0; i < 16; ++i) {
      const uchar *at = &message[begin + 4 * i];
      w[i] = static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 | static_cast<uint32_t>(at[2]) << 8 | at[3];
    }
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t small = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const uint32_t large = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + small + w[i - 7] + large;
    }
    uint32_t v[8];
    std::memcpy(v, h, sizeof v);
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t e = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25);
      const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
      const uint32_t first = v[7] + e + choice + k[i] + w[i];
      const uint32_t a = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22);
      const uint32_t most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      const uint32_t second = a + most;
      for (size_t n = 7; n > 0; --n) v[n] = v[n - 1];
      v[4] += first;
      v[0] = first + second;
    }
    for (size_t i = 0; i < 8; ++i) h[i] += v[i];
  }
  std::vector<uchar> out;
  for (const uint32_t word : h)
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uchar>(word >> shift));
  return out;
}

enum ENUM_CRYPT_METHOD { CRYPT_HASH_SHA256 = 5 };

// The length of the result; 0 for a failure, such as no data.
inline int CryptEncode(ENUM_CRYPT_METHOD, const Array<uchar> &data, const Array<uchar> &, Array<uchar> &result) {
  if (data.items.empty()) return 0;
  result.items = sha256(data.items);
  return ArraySize(result);
}
