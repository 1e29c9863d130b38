import { peftOptionNote } from './peftOptions.js'

/**
 * Options of TRL's GRPOConfig, of transformers' TrainingArguments and of the usual scripts around them that are no options
 * here, by what is said to who gives one of them: docs/trl.md has the same, and a test compares.
 */
const reasons: Readonly<Record<string, readonly string[]>> = {
  '`loadModel(folder, options)`, `dtype` among them; code from a model repository is never run': [
    'model_init_kwargs',
    'trust_remote_code',
  ],
  'no mixture-of-experts models': ['router_aux_loss_coef', 'aux_loss'],
  'the models have none; that of the adapter is `lora_dropout`, 0 by default': ['disable_dropout'],
  'always: arithmetic is float32, also where weights are stored in 16 bits': ['cast_lm_head_to_fp32'],
  'one process, one machine': [
    'ds3_gather_for_generation',
    'average_tokens_across_devices',
    'log_on_each_node',
    'log_level_replica',
    'eval_use_gather_object',
    'save_on_each_node',
    'accelerator_config',
    'parallelism_config',
    'ddp_find_unused_parameters',
    'ddp_bucket_cap_mb',
    'ddp_broadcast_buffers',
    'ddp_static_graph',
    'ddp_backend',
    'ddp_timeout',
    'fsdp',
    'fsdp_config',
    'deepspeed',
    'local_rank',
  ],
  'nothing is padded: batches are packed': ['pad_to_multiple_of'],
  'its settings are options of their own: `stopStrings`, `topK`, `topP`, `minP`, `repetitionPenalty`': [
    'generation_kwargs',
  ],
  'the task builds its prompts; `tokenizer.applyChatTemplate` takes such variables': ['chat_template_kwargs'],
  'always: completions are sampled with a cache of keys and values, training needs none': [
    'cache_implementation',
    'use_cache',
  ],
  '`rollout` names servers of vLLM that sample (docs/rollout-engines.md)': [
    'use_vllm',
    'vllm_mode',
    'vllm_model_impl',
    'vllm_enable_sleep_mode',
    'vllm_structured_outputs_regex',
    'vllm_server_base_url',
    'vllm_server_host',
    'vllm_server_port',
    'vllm_server_timeout',
    'vllm_group_port',
    'vllm_gpu_memory_utilization',
    'vllm_max_model_length',
    'vllm_tensor_parallel_size',
  ],
  'the reference is the base model, with the adapter off': [
    'sync_ref_model',
    'ref_model_mixup_alpha',
    'ref_model_sync_steps',
  ],
  'no tools': ['max_tool_calling_iterations'],
  'deprecated in TRL: `vllm_importance_sampling_clip_max`': ['vllm_importance_sampling_cap'],
  'always: every completion is a line of completions.jsonl': ['log_completions'],
  'text only': ['log_multimodal'],
  'completions are read in report.html, or by `step.groups`': ['num_completions_to_print', 'log_unique_prompts'],
  '`grpo-ts push` publishes a run (docs/hub.md)': [
    'log_completions_hub_repo',
    'push_to_hub',
    'hub_token',
    'hub_private_repo',
    'hub_model_id',
    'hub_strategy',
    'hub_always_push',
    'hub_revision',
  ],
  'always: a waiting completion takes the place of one that has ended': [
    'use_transformers_continuous_batching',
    'transformers_continuous_batching_config',
    'use_transformers_paged',
  ],
  '`outputDir` of the trainer, `--output-dir` of the command line': ['output_dir'],
  AdamW: ['optim', 'optim_args', 'optim_target_modules'],
  'not part of GRPO': ['label_smoothing_factor', 'neftune_noise_alpha'],
  'arithmetic is float32; frozen weights stay in the 16 bits in which they are stored': [
    'bf16',
    'fp16',
    'bf16_full_eval',
    'fp16_full_eval',
    'tf32',
  ],
  'by need: layers are recomputed for a row that does not fit (`maxTokensPerPass`)': [
    'activation_checkpointing',
    'activation_checkpointing_kwargs',
    'gradient_checkpointing',
    'gradient_checkpointing_kwargs',
  ],
  'of PyTorch; kernels here are compiled ahead and log-probabilities are always chunked': [
    'torch_compile',
    'torch_compile_backend',
    'torch_compile_mode',
    'use_liger_kernel',
    'liger_kernel_config',
    'torch_empty_cache_steps',
    'enable_jit_checkpoint',
  ],
  'a run that will not fit is refused with what to make smaller; `maxTokensPerPass` cuts micro-batches without changing the result':
    ['auto_find_batch_size'],
  'every step is logged to metrics.jsonl; `loggingSteps` is for the terminal': [
    'logging_strategy',
    'logging_first_step',
  ],
  'NaN and infinity are logged as null and diagnosed': ['logging_nan_inf_filter'],
  'always: `num_tokens`': ['include_num_input_tokens_seen'],
  'the bar is shown on a terminal only': ['log_level', 'disable_tqdm', 'debug'],
  'of trackers that are not supported; TensorBoard is': [
    'run_name',
    'project',
    'trackio_space_id',
    'trackio_bucket_id',
    'trackio_static_space_id',
  ],
  '`grpo-ts eval` evaluates before and after; during training every `evalSteps` steps': ['eval_delay', 'eval_on_start'],
  'evaluation samples as training does, as many at a time as the cache allows': [
    'per_device_eval_batch_size',
    'prediction_loss_only',
    'eval_do_concat_batches',
    'eval_accumulation_steps',
    'include_for_metrics',
    'batch_eval_metrics',
  ],
  'checkpoints are always complete, so that a run resumes bit for bit': ['save_only_model'],
  'a resumed run goes on exactly where it was': ['ignore_data_skip', 'restore_callback_states_from_checkpoint'],
  'always: the same seed gives the same bits, whatever the number of threads': ['full_determinism'],
  '`seed`': ['data_seed'],
  '`--engine`': ['use_cpu'],
  'problems are held in memory; `shuffleDataset` sets their order': [
    'dataloader_drop_last',
    'dataloader_num_workers',
    'dataloader_pin_memory',
    'dataloader_persistent_workers',
    'dataloader_prefetch_factor',
    'dataloader_multiprocessing_context',
    'dataloader_in_order',
    'remove_unused_columns',
    'label_names',
    'train_sampling_strategy',
    'length_column_name',
  ],
  '`memory/tensor_bytes` and `memory/process_bytes` are always logged': ['skip_memory_metrics'],
  'verbs of the command line': ['do_train', 'do_predict'],
  '`--resume`, or `resume: true` of the trainer': ['resume_from_checkpoint'],
  '`dtype: int4` or `int8` keeps the frozen weights in 4 or 8 bits (docs/quantization.md)': [
    'load_in_4bit',
    'load_in_8bit',
    'quantization_config',
    'bnb_4bit_quant_type',
    'bnb_4bit_compute_dtype',
    'bnb_4bit_quant_storage',
    'bnb_4bit_use_double_quant',
    'use_bnb_nested_quant',
  ],
  'the adapter is described by `loraR`, `loraAlpha`, `loraTargetModules` and the other options that begin with lora': [
    'peft_config',
    'use_peft',
    'lora_config',
  ],
}

const reasonOf = new Map(
  Object.entries(reasons).flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
)

/** Why an option of TRL, by its snake_case name, is none here and what takes its place; null for any other name. */
export function trlOptionNote(name: string): string | null {
  return reasonOf.get(name) ?? null
}

/** Why an option of TRL or PEFT, by its snake_case name, is none here; null for any other name. */
export function leftOutNote(name: string): string | null {
  const ofTrl = trlOptionNote(name)
  if (ofTrl !== null) return `an option of TRL that is none here: ${ofTrl} (docs/trl.md)`
  const ofPeft = peftOptionNote(name)
  return ofPeft === null ? null : `an option of PEFT that is none here: ${ofPeft}`
}

/** The options that {@link trlOptionNote} knows, with their notes. */
export const trlOptionNotes: ReadonlyMap<string, string> = reasonOf
