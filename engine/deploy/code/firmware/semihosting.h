/* What a program in an emulator asks of the machine it runs on (ARM's semihosting). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

static inline int32_t semihosting(int32_t operation, const void *argument) {
  register int32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

/* Handle of a file opened to read, or -1. */
static inline int32_t host_open(const char *path, uint32_t length) {
  const uintptr_t arguments[3] = {(uintptr_t)path, 1, length};
  return semihosting(0x01, arguments);
}

/* Bytes that are missing from `count`: 0 when all were read. */
static inline int32_t host_read(int32_t file, void *to, uint32_t count) {
  const uintptr_t arguments[3] = {(uintptr_t)file, (uintptr_t)to, count};
  return semihosting(0x06, arguments);
}

static inline void host_print(const char *text) {
  semihosting(0x04, text);
}

/* Ends the emulator with an exit code. */
static inline void host_exit(uint32_t code) {
  const uintptr_t arguments[2] = {0x20026, code}; /* ADP_Stopped_ApplicationExit */
  semihosting(0x20, arguments);
}

#endif
