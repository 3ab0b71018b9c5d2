/* The runtime's functions end in its version, a hash of its sources: networks of one version share
 * one copy in a program, networks of two have one each. */
#ifndef PARETINY_NAMES_H
#define PARETINY_NAMES_H

#define PT_RUNTIME_VERSION

#define pt_add pt_add_VERSION
#define pt_average_pool pt_average_pool_VERSION
#define pt_conv pt_conv_VERSION
#define pt_depthwise pt_depthwise_VERSION
#define pt_fully_connected pt_fully_connected_VERSION
#define pt_lookup pt_lookup_VERSION
#define pt_max_pool pt_max_pool_VERSION
#define pt_mean pt_mean_VERSION
#define pt_requantized pt_requantized_VERSION
#define pt_scale pt_scale_VERSION

#define pt_cmsis_nn_add pt_cmsis_nn_add_VERSION
#define pt_cmsis_nn_average_pool pt_cmsis_nn_average_pool_VERSION
#define pt_cmsis_nn_average_pool_scratch pt_cmsis_nn_average_pool_scratch_VERSION
#define pt_cmsis_nn_conv pt_cmsis_nn_conv_VERSION
#define pt_cmsis_nn_conv_scratch pt_cmsis_nn_conv_scratch_VERSION
#define pt_cmsis_nn_depthwise pt_cmsis_nn_depthwise_VERSION
#define pt_cmsis_nn_depthwise_scratch pt_cmsis_nn_depthwise_scratch_VERSION
#define pt_cmsis_nn_max_pool pt_cmsis_nn_max_pool_VERSION

/* Before the definition of each: of equal copies in a program the linker keeps one. Where a
 * compiler has no word for it, take these files from one export alone. */
#if defined(__GNUC__) && !defined(_WIN32)
#define PT_SHARED __attribute__((weak))
#elif defined(__ICCARM__)
#define PT_SHARED __weak
#else
#define PT_SHARED
#endif

#endif
