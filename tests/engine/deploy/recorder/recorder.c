/* Tells a listener of every read and write of code that is compiled with -fsanitize=thread: the
 * compiler calls these hooks, which the thread sanitizer's library would have, before each one. */
#include <stddef.h>
#include <stdint.h>

typedef void (*listener)(void *context, const void *at, int bytes, int writes);

static listener hear;
static void *context;

__attribute__((visibility("default"))) void recorder_listen(listener new_listener,
                                                            void *new_context) {
  hear = new_listener;
  context = new_context;
}

/* Says that the step at a position of an exported network begins: bytes -1. */
void model_step(uint32_t position) {
  if (hear) hear(context, (const void *)(uintptr_t)position, -1, 0);
}

static void tell(const void *at, int bytes, int writes) {
  if (hear) hear(context, at, bytes, writes);
}

#define HOOKS(bytes)                                   \
  void __tsan_read##bytes(const void *at) {            \
    tell(at, bytes, 0);                                \
  }                                                    \
  void __tsan_write##bytes(const void *at) {           \
    tell(at, bytes, 1);                                \
  }                                                    \
  void __tsan_volatile_read##bytes(const void *at) {   \
    tell(at, bytes, 0);                                \
  }                                                    \
  void __tsan_volatile_write##bytes(const void *at) {  \
    tell(at, bytes, 1);                                \
  }                                                    \
  void __tsan_unaligned_read##bytes(const void *at) {  \
    tell(at, bytes, 0);                                \
  }                                                    \
  void __tsan_unaligned_write##bytes(const void *at) { \
    tell(at, bytes, 1);                                \
  }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(const void *at, uintptr_t bytes) {
  tell(at, (int)bytes, 0);
}
void __tsan_write_range(const void *at, uintptr_t bytes) {
  tell(at, (int)bytes, 1);
}
void __tsan_func_entry(const void *caller) {
  (void)caller;
}
void __tsan_func_exit(void) {}
void __tsan_init(void) {}

/* For code whose memset is to be told, too: -Dmemset=recorder_memset. */
void *recorder_memset(void *at, int byte, size_t count) {
  tell(at, (int)count, 1);
  for (size_t i = 0; i < count; ++i) ((unsigned char *)at)[i] = (unsigned char)byte;
  return at;
}
