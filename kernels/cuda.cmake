# The GPU's twins, in a shared library beside the programs, which load it when a GPU is first asked
# for (kernels/core/device.cpp): NVIDIA's libraries take longer to load than all else. It uses the ground
# of the program that loads it. The CUDA runtime is linked statically and asks for the driver, so that
# the library can be loaded where there is no GPU.
find_package(CUDAToolkit REQUIRED)
find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
find_library(CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR} REQUIRED)
add_library(CUDNN::cudnn SHARED IMPORTED GLOBAL)
set_target_properties(CUDNN::cudnn PROPERTIES
  IMPORTED_LOCATION ${CUDNN_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${CUDNN_INCLUDE_DIR})

file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cu *.cpp)
list(FILTER sources INCLUDE REGEX "/cuda/")
add_library(paretiny_kernels_cuda SHARED ${sources})
set_target_properties(paretiny_kernels_cuda PROPERTIES
  OUTPUT_NAME paretiny_cuda DEFINE_SYMBOL "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
target_link_libraries(paretiny_kernels_cuda
  PRIVATE paretiny_options
  PUBLIC CUDA::cudart_static CUDA::cublasLt CUDNN::cudnn)
target_include_directories(paretiny_kernels_cuda PUBLIC ${CMAKE_SOURCE_DIR})
