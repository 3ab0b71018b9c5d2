/* Reset of a Cortex-M in the emulator: .data out of flash, .bss to zero, an FPU on, main. */
#include <stdint.h>

#include "semihosting.h"

extern uint32_t image_data[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];
int main(void);

void reset(void);
void fault(void);

void reset(void) {
  const uint32_t *from = image_data;
  for (uint32_t *to = data_begin; to < data_end; ++to) *to = *from++;
  for (uint32_t *to = bss_begin; to < bss_end; ++to) *to = 0;
#ifdef __ARM_FP
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: full access to CP10 and CP11 */
#endif
  host_exit((uint32_t)main());
}

/* A fault must end the emulator, or it runs for ever. */
void fault(void) {
  host_print("fault\n");
  host_exit(125);
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,     (uintptr_t)fault, (uintptr_t)fault,
};
