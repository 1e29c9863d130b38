/** The table of kernels of an instruction set, which is SET in names and SET_NAME to readers. */
#pragma once
#include "attentionGradient.h"
#include "embed.h"
#include "gemm.h"
#include "logSoftmax.h"
#include "peak.h"
#include "rmsNorm.h"
#include "rows.h"

static const kernel kernels[] = {
  {0, gemm},
  {10, attention},
  {11, attention_query_gradient},
  {12, attention_key_gradient},
  {20, add},
  {21, rms_norm},
  {22, rope},
  {23, swiglu},
  {24, log_softmax},
  {25, log_softmax_gradient},
  {29, embed},
  {40, peak},
};

const instruction_set NAMED(set) = {SET_NAME, kernels, sizeof kernels / sizeof *kernels};
