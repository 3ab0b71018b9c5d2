// CUDA's small vectors, with the alignment that makes an access to one a single instruction there
// and lets UBSan see a misaligned one here.
#pragma once

/// to = from as one access, as access_counts.h is to see it: GCC would store what stands in braces
/// element by element.
template <class Vector>
inline Vector& simt_store(Vector& to, const Vector& from) {
  using Whole [[gnu::vector_size(sizeof(Vector)), gnu::may_alias]] = unsigned;
  reinterpret_cast<Whole&>(to) = reinterpret_cast<const Whole&>(from);
  return to;
}

struct alignas(2) char2 {
  signed char x, y;
};
struct alignas(4) char4 {
  signed char x, y, z, w;
};
struct alignas(4) uchar4 {
  unsigned char x, y, z, w;
};
struct alignas(4) short2 {
  short x, y;
};
struct alignas(4) ushort2 {
  unsigned short x, y;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
  uint2& operator=(const uint2& from) { return simt_store(*this, from); }
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
  uint4& operator=(const uint4& from) { return simt_store(*this, from); }
};
struct alignas(16) longlong2 {
  long long x, y;
};
struct alignas(8) float2 {
  float x, y;
};
struct float3 {
  float x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};

struct dim3 {
  constexpr dim3(unsigned the_x = 1, unsigned the_y = 1, unsigned the_z = 1)
      : x(the_x), y(the_y), z(the_z) {}
  unsigned x, y, z;
};

inline uint2 make_uint2(unsigned x, unsigned y) {
  return {x, y};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}
inline int2 make_int2(int x, int y) {
  return {x, y};
}
inline int4 make_int4(int x, int y, int z, int w) {
  return {x, y, z, w};
}
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
