// Blurring and reducing pictures on the device, with a host wrapper.
#include <cstdio>
#include <cuda_runtime.h>

#define TILE 16
#define CHECK(call) check((call), __FILE__, __LINE__)

namespace pictures {

constexpr int kRadius = 2;
__constant__ float kernel_weights[2 * kRadius + 1];

struct Picture {
    int width;
    int height;
    float* pixels;

    __host__ __device__ int size() const { return width * height; }
};

enum class Edge { Clamp, Wrap };

using Pixel = float;

__device__ inline int clamp_to(int value, int low, int high) {
    return value < low ? low : (value > high ? high : value);
}

// One pass along the rows.
__global__ void blur_rows(const float* in, float* out, int width, int height) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x;
    const int y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= width || y >= height) {
        return;
    }
    float sum = 0.0f;
    for (int offset = -kRadius; offset <= kRadius; ++offset) {
        const int at = clamp_to(x + offset, 0, width - 1);
        sum += in[y * width + at] * kernel_weights[offset + kRadius];
    }
    out[y * width + x] = sum;
}

template <typename T, int Threads>
__global__ void reduce(const T* in, T* out, int count) {
    __shared__ T part[Threads];
    const int lane = threadIdx.x;
    int at = blockIdx.x * Threads + lane;
    T sum = 0;
    while (at < count) {
        sum += in[at];
        at += gridDim.x * Threads;
    }
    part[lane] = sum;
    __syncthreads();
    for (int step = Threads / 2; step > 0; step /= 2) {
        if (lane < step) {
            part[lane] += part[lane + step];
        }
        __syncthreads();
    }
    if (lane == 0) {
        out[blockIdx.x] = part[0];
    }
}

class Device {
public:
    explicit Device(int index) : index_(index) {}
    ~Device();

    float* allocate(size_t count);
    void synchronize() const { cudaDeviceSynchronize(); }

private:
    int index_;
    float* held_ = nullptr;
};

Device::~Device() {
    if (held_ != nullptr) {
        cudaFree(held_);
    }
}

float* Device::allocate(size_t count) {
    cudaMalloc(&held_, count * sizeof(float));
    return held_;
}

}  // namespace pictures

static void check(cudaError_t status, const char* file, int line) {
    if (status != cudaSuccess) {
        std::fprintf(stderr, "%s:%d: %s\n", file, line, cudaGetErrorString(status));
    }
}

float mean(const pictures::Picture& picture) {
    constexpr int threads = 128;
    float* sums = nullptr;
    CHECK(cudaMalloc(&sums, 64 * sizeof(float)));
    pictures::reduce<float, threads><<<64, threads>>>(picture.pixels, sums, picture.size());
    float parts[64];
    CHECK(cudaMemcpy(parts, sums, sizeof(parts), cudaMemcpyDeviceToHost));
    cudaFree(sums);
    float total = 0.0f;
    for (float part : parts) {
        total += part;
    }
    return total / picture.size();
}

extern "C" void blur(pictures::Picture picture, float* out) {
    const dim3 block(TILE, TILE);
    const dim3 grid((picture.width + TILE - 1) / TILE, (picture.height + TILE - 1) / TILE);
    pictures::blur_rows<<<grid, block>>>(picture.pixels, out, picture.width, picture.height);
    CHECK(cudaGetLastError());
}
