// Convolution, its input gradient and its weight gradient for XLA:CPU, in float32. native.py calls
// them; native_library.py compiles this file.
//
// Images are [B, H, W, C], kernels [kh, kw, C, O]. All three functions compute a tile of the result
// at a time, which stays in registers until it is done: P pixels (for the weight gradient, P input
// channels) by V vectors of 16 output channels.
//
// - Convolution: a task copies a part of an image with zeros around it, in blocks of 16 channels,
//   small enough for the cache, and computes all output channels of it. The kernel is copied once,
//   in the order in which tiles read it. Images of up to 4 channels are not blocked: there the taps
//   of a row and their channels lie side by side and are read as one run.
// - Input gradient: with stride s, each of the s * s phases of the pixels meets other taps. Each
//   phase is a convolution of stride 1 over the gradient.
// - Weight gradient: for every tap, sums of products over runs of pixels. At most 8 parts of the
//   batch have sums of their own, which are added at the end.
//
// The order of every sum depends on shapes alone, so the result has the same bits with any number
// of threads. If there is no memory, the call returns an error.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;
typedef float Vec __attribute__((vector_size(64)));
typedef float Loose __attribute__((vector_size(64), aligned(4), may_alias));  // at any address
constexpr long L = 16;                                                        // floats of a vector
constexpr long CACHED = 6144;  // floats of a kernel that stay in the first-level cache
constexpr long BAND = 98304;   // floats of a part of an image in the second-level cache
constexpr long PARTIAL = 262144;  // floats of all partial sums of a weight gradient
enum Kind { FORWARD, INPUT, WEIGHT };

class Buffer {  // aligned memory that grows; each thread keeps its own for all calls
 public:
  float* get(long floats) {
    if (floats > size_) {
      std::free(data_);
      size_ = 0;
      data_ = static_cast<float*>(std::aligned_alloc(64, (floats * 4 + 63) / 64 * 64));
      if (!data_) throw std::bad_alloc();
      size_ = floats;
    }
    return data_;
  }
  ~Buffer() { std::free(data_); }

 private:
  float* data_ = nullptr;
  long size_ = 0;
};

// Calls task(0) to task(n - 1) on XLA's threads and on this one. This thread takes tasks too, so it
// never waits for a thread that has not begun: that could be forever. Throws if a task threw.
template <class Task>
void parallel(ffi::ThreadPool& pool, long n, const Task& task) {
  struct State {
    std::atomic<long> next{0}, done{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::condition_variable finished;
  };
  auto state = std::make_shared<State>();
  auto work = [state, n, &task] {  // a thread that begins after the last task never touches `task`
    for (long i; (i = state->next++) < n;) {
      try {
        task(i);
      } catch (...) {
        state->failed = true;
      }
      if (++state->done == n) {
        std::lock_guard<std::mutex> lock(state->mutex);
        state->finished.notify_all();
      }
    }
  };
  const long others = std::min<long>(pool.num_threads(), n) - 1;
  for (long i = 0; i < others; ++i) pool.Schedule(std::decay_t<decltype(work)>(work));
  work();
  std::unique_lock<std::mutex> lock(state->mutex);
  state->finished.wait(lock, [&] { return state->done.load() == n; });
  if (state->failed) throw std::bad_alloc();
}

// Tiles. Sums begin with zeros or with what the result holds, so that a kernel that is larger than
// the cache can be used in pieces.
template <int P, int V>
void load(Vec (&sum)[P][V], const float* from, long step, bool first) {
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v)
      sum[p][v] = first ? Vec{} : Vec(*(const Loose*)(from + p * step + L * v));
}

template <int P, int V>
void store(const Vec (&sum)[P][V], float* to, long step) {
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v) *(Loose*)(to + p * step + L * v) = sum[p][v];
}

template <int P, int V>
inline __attribute__((always_inline)) void add(Vec (&sum)[P][V], const float* a, long step,
                                               const float* b) {
  Vec q[V];
  for (int v = 0; v < V; ++v) q[v] = *(const Loose*)(b + L * v);
  for (int p = 0; p < P; ++p)
    for (int v = 0; v < V; ++v) sum[p][v] += a[p * step] * q[v];
}

// P pixels of a convolution of stride S; a step is 16 input channels of one tap, `offsets` says
// where in the copied image.
template <int P, int V, int S>
void tile(const float* in, const long* offsets, long steps, const float* w, float* out, long ostep,
          bool first) {
  Vec sum[P][V];
  load(sum, out, ostep, first);
  for (long t = 0; t < steps; ++t)
    for (long k = 0; k < L; ++k, w += L * V) add(sum, in + offsets[t] + k, S * L, w);
  store(sum, out, ostep);
}

// P pixels of an image of few channels: the taps of a row and their channels are `length` floats.
template <int P, int V>
void thin(const float* in, long step, const long* offsets, long rows, long length, const float* w,
          float* out, long ostep) {
  Vec sum[P][V];
  load(sum, out, ostep, true);
  for (long t = 0; t < rows; ++t)
    for (long k = 0; k < length; ++k, w += L * V) add(sum, in + offsets[t] + k, step, w);
  store(sum, out, ostep);
}

struct Run {  // neighbouring pixels of a row of x, and those of g that meet them at one tap
  const float *x, *g;
  long count;
};

// P input channels of one tap of a weight gradient: sums over runs of pixels.
template <int P, int V>
void tap(const std::vector<Run>& runs, long c, long o, long xstep, long gstep, float* dw, long step,
         bool first) {
  Vec sum[P][V];
  load(sum, dw, step, first);
  for (const Run& run : runs) {
    const float *x = run.x + c, *g = run.g + o;
    for (long i = 0; i < run.count; ++i, x += xstep, g += gstep) add(sum, x, 1, g);
  }
  store(sum, dw, step);
}

#define UP_TO_6(F, ...) \
  nullptr, F<1, __VA_ARGS__>, F<2, __VA_ARGS__>, F<3, __VA_ARGS__>, F<4, __VA_ARGS__>, \
      F<5, __VA_ARGS__>, F<6, __VA_ARGS__>
#define UP_TO_14(F, ...) \
  UP_TO_6(F, __VA_ARGS__), F<7, __VA_ARGS__>, F<8, __VA_ARGS__>, F<9, __VA_ARGS__>, \
      F<10, __VA_ARGS__>, F<11, __VA_ARGS__>, F<12, __VA_ARGS__>, F<13, __VA_ARGS__>, \
      F<14, __VA_ARGS__>
// By [stride - 1], vectors and pixels. A tile has at most 28 sums: of 32 registers, 4 remain.
constexpr decltype(&tile<1, 1, 1>) TILES[2][5][15] = {
    {{}, {UP_TO_14(tile, 1, 1)}, {UP_TO_14(tile, 2, 1)}, {}, {UP_TO_6(tile, 4, 1)}},
    {{}, {UP_TO_14(tile, 1, 2)}, {UP_TO_14(tile, 2, 2)}, {}, {UP_TO_6(tile, 4, 2)}}};
constexpr decltype(&thin<1, 1>) THIN[5][15] = {
    {}, {UP_TO_14(thin, 1)}, {UP_TO_14(thin, 2)}, {}, {UP_TO_6(thin, 4)}};
constexpr decltype(&tap<1, 1>) TAPS[5][7] = {
    {}, {UP_TO_6(tap, 1)}, {UP_TO_6(tap, 2)}, {}, {UP_TO_6(tap, 4)}};

// Calls f(start, length) for parts of n that are as equal as possible, none longer than `most`.
template <class F>
void split(long n, long most, const F& f) {
  const long parts = (n + most - 1) / most;
  for (long i = 0, at = 0; i < parts; ++i) {
    const long length = (n - at + parts - i - 1) / (parts - i);
    f(at, length);
    at += length;
  }
}

// Calls f(first channel, vectors) for blocks of output channels: the widest first.
template <class F>
void blocks(long channels, long widest, const F& f) {
  for (long o = 0; o < channels;) {
    long v = widest;
    while (o + v * L > channels) v /= 2;
    f(o, v);
    o += v * L;
  }
}

long vectors(long columns) { return columns <= 6 ? 4 : 2; }
long pixels(long vectors) { return vectors == 4 ? 6 : 14; }

// Copies a part of an image `[h, w, c]` with zeros around it, as `[c / 16, rows, columns, 16]`; if
// not `blocked`, as `[rows, columns, c]`. The image begins at (top, left) of the copy; negative
// numbers leave out its first rows or columns.
void place(const float* x, long h, long w, long c, long top, long left, long rows, long columns,
           bool blocked, float* out) {
  const long depth = blocked ? L : c;
  const long from = std::min(columns, std::max(0l, left));
  const long to = std::max(from, std::min(columns, left + w));
  for (long k = 0; k < c; k += depth)
    for (long y = 0; y < rows; ++y, out += columns * depth) {
      if (y < top || y >= top + h) {
        std::memset(out, 0, columns * depth * 4);
        continue;
      }
      const float* row = x + ((y - top) * w + from - left) * c + k;
      std::memset(out, 0, from * depth * 4);
      if (blocked)
        for (long i = from; i < to; ++i, row += c) *(Loose*)(out + i * L) = *(const Loose*)row;
      else
        std::memcpy(out + from * c, row, (to - from) * c * 4);
      std::memset(out + to * depth, 0, (columns - to) * depth * 4);
    }
}

struct Call {  // the shapes and arrays of one call; one of x, w and y is the result
  long B, H, W, C, oh, ow, O, kh, kw, s, top, left;
  float *x, *w, *y;
};

// What one task works on: some whole images, or one of the `bands` of an image.
struct Share {
  long images, rows, bands;
};

// Chooses it so that a copy fits the cache and there are tasks for all threads.
Share share(long batch, long rows, long columns, long floats_of_row, long threads) {
  const long fit = std::max(1l, std::min(rows, BAND / std::max(1l, floats_of_row)));
  const long tasks = (4 * threads + batch - 1) / batch;  // of one image
  const long band = std::min(fit, std::max(4l, (rows + tasks - 1) / tasks));
  const long bands = (rows + band - 1) / band;
  if (bands > 1) return {1, band, bands};
  const long many = std::min(64 / std::max(1l, rows * columns), batch / (2 * threads));
  return {std::max(1l, many), rows, 1};
}

// A convolution over copied images. Outputs begin at pixel `obase`, and are `ostep` pixels apart in
// a row and `orow` from row to row. Output row y meets the image at the kernel's rows from
// `from + slope * y` up to `to + slope * y`; the others meet zeros and cost nothing.
struct Pass {
  long rows, columns, ostep, orow, obase, taps, from, to, slope;  // `taps`: rows of the kernel
  std::vector<long> offsets;  // of every 16 input channels of a tap, in the copied image
  const float* w;             // [block of channels, offset, 16, channels of the block]
};

void run_pass(const Pass& p, long stride, const float* in, long image, long row, long y0, long y1,
              long images, long O, float* out, long out_image) {
  const long steps = p.offsets.size(), of_row = steps / p.taps, widest = vectors(p.columns);
  y1 = std::min(y1, p.rows);
  blocks(O, widest, [&](long o, long v) {
    const long most = std::max(1l, CACHED / (L * L * v));
    for (long at = 0; at < steps; at += most)
      for (long i = 0; i < images; ++i)
        for (long y = y0; y < y1; ++y) {
          // At least one row, which sets the sums to zero.
          const long low = std::min(p.taps - 1, std::max(0l, p.from + p.slope * y));
          const long high = std::max(low + 1, std::min(p.taps, p.to + p.slope * y));
          const long t = std::max(at, low * of_row), end = std::min(at + most, high * of_row);
          if (t >= end) continue;
          split(p.columns, pixels(widest), [&](long x, long n) {
            TILES[stride - 1][v][n](
                in + i * image + ((y - y0) * row + x) * stride * L, &p.offsets[t], end - t,
                p.w + (o * steps + t * v * L) * L,
                out + i * out_image + (p.obase + y * p.orow + x * p.ostep) * O + o, p.ostep * O,
                t == low * of_row);
          });
        }
  });
}

void forward(ffi::ThreadPool& pool, const Call& f) {
  static thread_local Buffer packing;
  const bool blocked = f.C % L == 0;
  const long depth = blocked ? L : f.kw * f.C, taps = f.kh * f.kw, widest = vectors(f.ow);
  const long columns = (f.ow - 1) * f.s + f.kw, steps = taps * f.C / depth;
  const Share part = share(f.B, f.oh, f.ow, f.s * columns * f.C, pool.num_threads());
  const long rows = (part.rows - 1) * f.s + f.kh, size = rows * columns * f.C;
  float* packed = packing.get(taps * f.C * f.O);
  Pass pass{f.oh, f.ow, 1, f.ow, 0, f.kh, f.top, f.top + f.H, -f.s, {}, packed};
  const long of_row = steps / f.kh, width = columns * (blocked ? L : f.C);
  parallel(pool, steps, [&](long t) {  // steps go over the kernel's rows, 16 channels, columns
    const long i = t / of_row, c = t % of_row / f.kw, j = t % f.kw;
    const long first = blocked ? (i * f.kw + j) * f.C + c * L : t * depth;
    blocks(f.O, widest, [&](long o, long v) {
      for (long k = 0; k < depth; ++k)
        std::memcpy(packed + (o * steps + t * v * L) * depth + k * v * L,
                    f.w + (first + k) * f.O + o, v * L * 4);
    });
  });
  for (long t = 0; t < steps; ++t) {
    const long i = t / of_row, c = t % of_row / f.kw, j = blocked ? t % f.kw : 0;
    pass.offsets.push_back((c * rows + i) * width + j * L);
  }
  parallel(pool, (f.B + part.images - 1) / part.images * part.bands, [&](long task) {
    static thread_local Buffer placed;
    float* in = placed.get(size * part.images);
    const long i0 = task / part.bands * part.images, y0 = task % part.bands * part.rows;
    const long images = std::min(part.images, f.B - i0), y1 = std::min(f.oh, y0 + part.rows);
    for (long i = 0; i < images; ++i)
      place(f.x + (i0 + i) * f.H * f.W * f.C, f.H, f.W, f.C, f.top - y0 * f.s, f.left, rows,
            columns, blocked, in + i * size);
    float* out = f.y + i0 * f.oh * f.ow * f.O;
    if (blocked)
      return run_pass(pass, f.s, in, size, columns, y0, y1, images, f.O, out, f.oh * f.ow * f.O);
    for (long i = 0; i < images; ++i)
      for (long y = y0; y < y1; ++y)
        split(f.ow, pixels(widest), [&](long x, long n) {
          blocks(f.O, widest, [&](long o, long v) {
            THIN[v][n](in + i * size + ((y - y0) * columns + x) * f.s * f.C, f.s * f.C,
                       pass.offsets.data(), f.kh, depth, packed + o * steps * depth,
                       out + ((i * f.oh + y) * f.ow + x) * f.O + o, f.O);
          });
        });
  });
}

// Each phase of the pixels of x meets some of the taps, and is one pass over y.
void input_gradient(ffi::ThreadPool& pool, const Call& f) {
  static thread_local Buffer packing;
  const long s = f.s, mh = (f.kh + s - 1) / s, mw = (f.kw + s - 1) / s;
  const long tall = (f.H + s - 1) / s, wide = (f.W + s - 1) / s;  // pixels of a phase
  const long columns = wide + f.left / s + mw + 1;
  const Share part = share(f.B, tall, wide * s * s, columns * f.O, pool.num_threads());
  const long rows = part.rows + f.top / s + mh + 1, size = rows * columns * f.O;
  float* packed = packing.get(f.kh * f.kw * f.C * f.O);
  struct Piece {  // 16 output channels of a tap, and where they go
    long tap, o, at, steps, step, widest;
  };
  std::vector<Piece> pieces;
  std::vector<Pass> passes;
  long at = 0;
  for (long r = 0; r < s; ++r)
    for (long q = 0; q < s; ++q) {  // taps that are r and q more than a multiple of the stride
      const long y0 = ((r - f.top) % s + s) % s, x0 = ((q - f.left) % s + s) % s;
      if (y0 >= f.H || x0 >= f.W) continue;
      const long ny = (f.H - y0 + s - 1) / s, nx = (f.W - x0 + s - 1) / s;
      const long above = (y0 + f.top - r) / s, taps = (f.kh - r + s - 1) / s;
      const long row = above + mh - 1, column = (x0 + f.left - q) / s + mw - 1;
      const long steps = taps * ((f.kw - q + s - 1) / s) * (f.O / L);
      Pass p{ny,   nx,  s, s * f.W,    y0 * f.W + x0, taps, above - f.oh + 1, above + 1,
             1, {}, packed + at};
      if (r >= f.kh || q >= f.kw) continue;
      for (long i = r; i < f.kh; i += s)
        for (long o = 0; o < f.O; o += L)
          for (long j = q; j < f.kw; j += s) {
            const long step = p.offsets.size();
            pieces.push_back({i * f.kw + j, o, at, steps, step, vectors(p.columns)});
            p.offsets.push_back((o / L * rows + row - i / s) * columns * L + (column - j / s) * L);
          }
      at += steps * L * f.C;
      passes.push_back(std::move(p));
    }
  parallel(pool, pieces.size(), [&](long j) {
    const Piece& e = pieces[j];
    blocks(f.C, e.widest, [&](long c0, long v) {
      float* to = packed + e.at + (c0 * e.steps + e.step * v * L) * L;
      const float* from = f.w + (e.tap * f.C + c0) * f.O + e.o;
      for (long c = 0; c < v * L; ++c)
        for (long k = 0; k < L; ++k) to[k * v * L + c] = from[c * f.O + k];
    });
  });
  parallel(pool, (f.B + part.images - 1) / part.images * part.bands, [&](long task) {
    static thread_local Buffer placed;
    float* in = placed.get(size * part.images);
    const long i0 = task / part.bands * part.images, y0 = task % part.bands * part.rows;
    const long images = std::min(part.images, f.B - i0), y1 = y0 + part.rows;
    for (long i = 0; i < images; ++i)
      place(f.y + (i0 + i) * f.oh * f.ow * f.O, f.oh, f.ow, f.O, mh - 1 - y0, mw - 1, rows, columns,
            true, in + i * size);
    float* out = f.x + i0 * f.H * f.W * f.C;
    if (f.kh < s || f.kw < s)  // some pixels meet no tap
      for (long i = 0; i < images; ++i)
        for (long y = y0 * s; y < std::min(f.H, y1 * s); ++y)
          std::memset(out + (i * f.H + y) * f.W * f.C, 0, f.W * f.C * 4);
    for (const Pass& p : passes)
      run_pass(p, 1, in, size, columns, y0, y1, images, f.C, out, f.H * f.W * f.C);
  });
}

// Adds up the weight gradient of images i0 to i1 for units u0 to u1; a unit is one tap and 64
// output channels.
void weights_of(const Call& f, long i0, long i1, long u0, long u1, float* dw) {
  const long group = std::max(1l, 64 / (f.oh * f.ow));          // images at once
  const long band = std::max(1l, std::min(f.oh, 96 / f.ow));  // rows at once
  std::vector<Run> runs;
  bool first = true;
  for (long i = i0; i < i1; i += group)
    for (long y = 0; y < f.oh; y += band, first = false)
      for (long u = u0; u < u1; ++u) {
        const long t = u % (f.kh * f.kw), o0 = u / (f.kh * f.kw) * 4 * L, down = t / f.kw - f.top;
        const long across = t % f.kw - f.left;
        const long lo = std::min(f.ow, across < 0 ? (-across + f.s - 1) / f.s : 0);
        const long hi = std::min(f.ow, f.W > across ? (f.W - across + f.s - 1) / f.s : 0);
        runs.clear();
        for (long n = i; n < std::min(i1, i + group); ++n)
          for (long r = y; r < std::min(f.oh, y + band); ++r) {
            const long row = r * f.s + down;
            if (row < 0 || row >= f.H || lo >= hi) continue;
            runs.push_back({f.x + ((n * f.H + row) * f.W + lo * f.s + across) * f.C,
                            f.y + ((n * f.oh + r) * f.ow + lo) * f.O, hi - lo});
          }
        blocks(std::min(4 * L, f.O - o0), 4, [&](long o, long v) {
          split(f.C, 6, [&](long c, long n) {
            float* to = dw + (t * f.C + c) * f.O + o0 + o;
            TAPS[v][n](runs, c, o0 + o, f.s * f.C, f.O, to, f.O, first);
          });
        });
      }
}

void weight_gradient(ffi::ThreadPool& pool, const Call& f) {
  static thread_local Buffer adding;
  const long size = f.kh * f.kw * f.C * f.O, units = f.kh * f.kw * ((f.O + 4 * L - 1) / (4 * L));
  // Of shapes alone, not of threads: else the bits would differ.
  const long parts = std::max(1l, std::min({f.B, 8l, PARTIAL / size}));
  const long threads = pool.num_threads();
  const long slices = threads < 2 ? 1 : std::min(units, (4 * threads + parts - 1) / parts);
  float* sums = adding.get(std::max(1l, (parts - 1) * size));
  parallel(pool, parts * slices, [&](long task) {
    const long n = task / slices, j = task % slices;
    weights_of(f, n * f.B / parts, (n + 1) * f.B / parts, j * units / slices,
               (j + 1) * units / slices, n ? sums + (n - 1) * size : f.w);
  });
  if (parts == 1) return;
  const long pieces = std::min(16l, size / L), piece = (size + pieces - 1) / pieces;
  parallel(pool, pieces, [&](long j) {
    for (long n = 0; n < parts - 1; ++n)
      for (long k = j * piece; k < std::min(size, (j + 1) * piece); ++k)
        f.w[k] += sums[n * size + k];
  });
}

ffi::Error run(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> a, ffi::Buffer<ffi::F32> b,
               ffi::ResultBuffer<ffi::F32> out, int64_t kind, int64_t stride, int64_t top,
               int64_t left) {
  if (a.dimensions().size() != 4 || b.dimensions().size() != 4 || out->dimensions().size() != 4)
    return ffi::Error(ffi::ErrorCode::kInvalidArgument, "arrays must have four axes");
  auto x = kind == INPUT ? out->dimensions() : a.dimensions();
  auto w = kind == WEIGHT ? out->dimensions() : b.dimensions();
  auto y = kind == FORWARD ? out->dimensions() : kind == INPUT ? a.dimensions() : b.dimensions();
  Call f{x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[0], w[1], stride, top, left,
         kind == INPUT ? out->typed_data() : a.typed_data(),
         kind == WEIGHT ? out->typed_data() : b.typed_data(),
         kind == FORWARD ? out->typed_data() : kind == INPUT ? a.typed_data() : b.typed_data()};
  const bool few = kind == FORWARD && f.C <= 4;
  if (stride < 1 || (kind == FORWARD && stride > 2) || (kind == INPUT ? f.C : f.O) % L ||
      (kind != WEIGHT && !few && (kind == INPUT ? f.O : f.C) % L) || w[2] != f.C || w[3] != f.O ||
      x[0] != y[0] || top < 0 || left < 0)
    return ffi::Error(ffi::ErrorCode::kUnimplemented, "no kernel for these shapes");
  if (std::min({f.B, f.H, f.W, f.C, f.oh, f.ow, f.O, f.kh, f.kw}) < 1) {
    std::memset(out->typed_data(), 0, out->size_bytes());
    return ffi::Error::Success();
  }
  try {
    (kind == FORWARD ? forward : kind == INPUT ? input_gradient : weight_gradient)(pool, f);
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "no memory for a convolution");
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(Convolution, run,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Ret<ffi::Buffer<ffi::F32>>()
                                  .Attr<int64_t>("kind")
                                  .Attr<int64_t>("stride")
                                  .Attr<int64_t>("top")
                                  .Attr<int64_t>("left"));
