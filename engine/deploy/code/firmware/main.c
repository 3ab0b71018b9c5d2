/* Runs a network on the inputs of a file and compares every output byte; counts instructions by
 * step and the stack's depth. The file: int32 count, then by run MODEL_INPUT_BYTES and
 * MODEL_OUTPUT_COUNT bytes. Prints lines "<name> <number>" and ends with 0 when nothing differs. */
#include <stdint.h>

#include "../model.h"
#include "semihosting.h"

#define SYSTICK ((volatile uint32_t *)0xE000E010)
#define SYSTICK_MASK 0xFFFFFFu
#define PAINT 0xA5A5A5A5u

static uint32_t step_begin[MODEL_STEPS + 1];

/* SysTick counts down; its first reading after it is switched on is garbage. */
void model_step(uint32_t position);
void model_step(uint32_t position) {
  step_begin[position] = SYSTICK[2];
}

static void print_number(const char *name, uint32_t number) {
  char text[12];
  char *at = text + sizeof text;
  *--at = 0;
  *--at = '\n';
  do {
    *--at = (char)('0' + number % 10u);
    number /= 10u;
  } while (number != 0);
  host_print(name);
  host_print(" ");
  host_print(at);
}

extern uint32_t bss_end[];

/* Words between the end of .bss and the stack that nothing has written. */
static uint32_t untouched(void) {
  uint32_t words = 0;
  for (const uint32_t *at = bss_end; *at == PAINT; ++at) ++words;
  return words;
}

static int32_t status; /* of the runs together: 0 when none was refused */

__attribute__((noinline)) static uint32_t stack_used(void) {
  const uint32_t *top;
  __asm__("mov %0, sp" : "=r"(top));
  /* volatile: a call of memset would paint over its own return address */
  for (volatile uint32_t *at = bss_end; at < top; ++at) *at = PAINT;
  const uint32_t before = untouched();
  status |= model_run();
  return (before - untouched()) * 4u;
}

int main(void) {
  static int8_t expected[MODEL_OUTPUT_COUNT];
  int32_t runs = 0;
  const int32_t file = host_open("runs.bin", 8);
  if (file < 0 || host_read(file, &runs, sizeof runs) != 0) {
    host_print("no runs.bin\n");
    return 124;
  }
  SYSTICK[1] = SYSTICK_MASK;
  SYSTICK[2] = 0;
  SYSTICK[0] = 5;
  (void)SYSTICK[2];
  uint32_t differing = 0;
  for (int32_t run = 0; run < runs; ++run) {
    int8_t *input = model_init();
    if (input == 0) {
      host_print("model_init gives no input: CMSIS-NN wants more scratch memory\n");
      return 124;
    }
    if (host_read(file, input, MODEL_INPUT_BYTES) != 0 ||
        host_read(file, expected, MODEL_OUTPUT_COUNT) != 0) {
      host_print("runs.bin is cut short\n");
      return 124;
    }
    if (run == 0) {
      print_number("stack", stack_used());
    } else {
      status |= model_run();
    }
    if (status != 0) {
      host_print("model_run ended early: CMSIS-NN refused a step\n");
      return 124;
    }
    const int8_t *output = model_output();
    for (int32_t k = 0; k < MODEL_OUTPUT_COUNT; ++k) differing += output[k] != expected[k];
  }
  for (uint32_t step = 0; step < MODEL_STEPS; ++step) {
    print_number("step", (step_begin[step] - step_begin[step + 1]) & SYSTICK_MASK);
  }
  print_number("runs", (uint32_t)runs);
  print_number("differing", differing);
  return differing != 0;
}
