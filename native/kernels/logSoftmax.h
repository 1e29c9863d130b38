/** Log-softmax of rows of logits in blocks of columns, and its gradient; src/backend/cpu/assembly/logSoftmax.ts. */
#pragma once
#include <float.h>
#include "elementwise.h"

enum {
  SOFTMAX_LOGITS, SOFTMAX_ROWS, SOFTMAX_COLUMNS, SOFTMAX_COLUMN, SOFTMAX_TARGETS, SOFTMAX_TEMPERATURE, SOFTMAX_TILE_ROWS, SOFTMAX_STATES,
  SOFTMAX_LAST, SOFTMAX_LOG_PROBS, SOFTMAX_ENTROPIES, SOFTMAX_STATISTICS, SOFTMAX_D_LOG_PROBS, SOFTMAX_D_ENTROPIES
};

/** What is known of a row after some blocks, with d = (logit − max) / temperature. */
typedef struct {
  float max, target;
  /** Σ e^d and Σ e^d · d. */
  double sum, weighted;
} row_state;
_Static_assert(sizeof(row_state) == 24, "the layout that assembly/logSoftmax.ts gives a row's state");

/** Below this e^d is 0. */
static const float LOWEST_DISTANCE = -100;

/** Largest of some logits, or `least` when that is larger. */
static float max_of(const float *logits, int32_t count, float least) {
  octet maxima = o_splat(least);
  int32_t i = 0;
  for (; i + 8 <= count; i += 8) maxima = o_pmax(maxima, o_load(logits + i));
  float lane[8];
  o_store(lane, maxima);
  for (int j = 0; j < 4; j++) lane[j] = pmax(lane[j], lane[j + 4]);
  for (; i < count; i++)
    for (int j = 0; j < 4; j++) lane[j] = pmax(lane[j], logits[i]);
  return pmax(pmax(lane[0], lane[2]), pmax(lane[1], lane[3]));
}

/** (logits − max) / temperature, not below LOWEST_DISTANCE. */
INLINE vector distances(vector logits, float max, float temperature) {
  return v_pmax(v_div(v_sub(logits, v_splat(max)), v_splat(temperature)), v_splat(LOWEST_DISTANCE));
}

/** Takes the next block of logits into a row's state. */
static void add_block(row_state *state, const float *logits, int32_t count, float temperature) {
  const float before = state->max, max = max_of(logits, count, before);
  double sum = state->sum, weighted = state->weighted;
  if (max > before) {
    const float shift = (before - max) / temperature;
    const double factor = exp_1(shift);
    weighted = factor > 0 ? factor * (weighted + (double)shift * sum) : 0;
    sum *= factor;
    state->max = max;
  }
  octet sums = o_zero(), products = o_zero();
  int32_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const vector d = distances(v_load(logits + i), max, temperature), e = v_exp(d);
    sums = o_add_vector(sums, e);
    products = o_add_vector(products, v_mul(e, d));
  }
  float e[LANES], d[LANES], weights[LANES];
  const int left = count - i;
  if (left > 0) {
    const vector rest = distances(load_part(logits + i, left), max, temperature), power = v_exp(rest);
    v_store(d, rest);
    v_store(e, power);
    v_store(weights, v_mul(power, rest));
  }
  int j = 0;
  if (LANES == 16 && left >= 8) {
    sums = o_add(sums, o_load(e));
    products = o_add(products, o_load(weights));
    j = 8;
  }
  sum += o_sum(sums);
  weighted += o_sum(products);
  for (; j < left; j++) {
    sum += (double)e[j];
    weighted += (double)e[j] * (double)d[j];
  }
  state->sum = sum;
  state->weighted = weighted;
}

/** Takes the next block of a row into its state. */
static void take_block(row_state *state, const float *logits, int32_t count, int32_t column, int32_t target, float temperature) {
  if (column == 0) *state = (row_state){-FLT_MAX, state->target, 0, 0};
  add_block(state, logits, count, temperature);
  const int64_t place = (int64_t)target - column;
  if (place >= 0 && place < count) state->target = logits[place];
}

static float log_probability(const row_state *state, float log_sum, float temperature) {
  const double d = ((double)state->target - (double)state->max) / (double)temperature;
  return (float)(d - (double)log_sum);
}

static void log_softmax(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const int32_t columns = args[SOFTMAX_COLUMNS], column = args[SOFTMAX_COLUMN], rows = args[SOFTMAX_ROWS];
  const int64_t tile_rows = args[SOFTMAX_TILE_ROWS], end_row = end * tile_rows < rows ? end * tile_rows : rows;
  const float temperature = number(args, SOFTMAX_TEMPERATURE);
  const int32_t *targets = (const int32_t *)address(memory, args, SOFTMAX_TARGETS);
  float *log_probs = (float *)address(memory, args, SOFTMAX_LOG_PROBS), *entropies = (float *)address(memory, args, SOFTMAX_ENTROPIES);
  float *statistics = (float *)address(memory, args, SOFTMAX_STATISTICS);
  for (int64_t row = first * tile_rows; row < end_row; row++) {
    const float *logits = (const float *)address(memory, args, SOFTMAX_LOGITS) + (size_t)row * columns;
    row_state *state = (row_state *)address(memory, args, SOFTMAX_STATES) + row;
    take_block(state, logits, columns, column, targets[row], temperature);
    if (!args[SOFTMAX_LAST]) continue;
    const float log_sum = log_1((float)state->sum);
    log_probs[row] = log_probability(state, log_sum, temperature);
    entropies[row] = (float)((double)log_sum - state->weighted / state->sum);
    statistics[2 * row] = state->max;
    statistics[2 * row + 1] = log_sum;
  }
}

/** The logits are overwritten by their gradient; log-probabilities are computed again where there is a place for them. */
static void log_softmax_gradient(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const int32_t columns = args[SOFTMAX_COLUMNS], column = args[SOFTMAX_COLUMN], rows = args[SOFTMAX_ROWS];
  const int64_t tile_rows = args[SOFTMAX_TILE_ROWS], end_row = end * tile_rows < rows ? end * tile_rows : rows;
  const float temperature = number(args, SOFTMAX_TEMPERATURE);
  const int32_t *targets = (const int32_t *)address(memory, args, SOFTMAX_TARGETS);
  const float *statistics = (const float *)address(memory, args, SOFTMAX_STATISTICS);
  const float *entropies = (const float *)address(memory, args, SOFTMAX_ENTROPIES);
  const float *d_log_probs = (const float *)address(memory, args, SOFTMAX_D_LOG_PROBS);
  const float *d_entropies = (const float *)address(memory, args, SOFTMAX_D_ENTROPIES);
  for (int64_t row = first * tile_rows; row < end_row; row++) {
    float *logits = (float *)address(memory, args, SOFTMAX_LOGITS) + (size_t)row * columns;
    if (args[SOFTMAX_LOG_PROBS]) {
      row_state *state = (row_state *)address(memory, args, SOFTMAX_STATES) + row;
      take_block(state, logits, columns, column, targets[row], temperature);
      float *log_probs = (float *)address(memory, args, SOFTMAX_LOG_PROBS);
      if (args[SOFTMAX_LAST]) log_probs[row] = log_probability(state, log_1((float)state->sum), temperature);
    }
    const float max = statistics[2 * row], d_log_prob = d_log_probs[row] / temperature;
    const vector log_sum = v_splat(statistics[2 * row + 1]), entropy = v_splat(entropies[row]);
    const vector dl = v_splat(d_log_prob), dh = v_splat(d_entropies[row] / temperature);
    for (int32_t i = 0; i < columns; i += LANES) {
      const size_t count = columns - i;
      const vector log_p = v_sub(distances(load_part(logits + i, count), max, temperature), log_sum);
      store_part(logits + i, v_neg(v_mul(v_exp(log_p), v_add(dl, v_mul(dh, v_add(log_p, entropy))))), count);
    }
    const int64_t target = (int64_t)targets[row] - column;
    if (target >= 0 && target < columns) logits[target] += d_log_prob;
  }
}
