// Marks functions that CUDA kernels and host code share.
#pragma once

#ifdef __CUDACC__
#define PARETINY_HOST_DEVICE __host__ __device__
#else
#define PARETINY_HOST_DEVICE
#endif
