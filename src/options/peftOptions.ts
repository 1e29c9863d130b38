/** Options of PEFT's LoraConfig that are not here, and what they would be. */
const unsupported: ReadonlyMap<string, string> = new Map(
  Object.entries({
    use_dora: 'DoRA',
    bias: 'training of biases',
    lora_bias: 'a bias on B',
    modules_to_save: 'training of whole modules',
    trainable_token_indices: 'training of token embeddings',
    target_parameters: 'adapters on parameters outside linear layers',
    layer_replication: 'replication of layers',
    init_lora_weights: "another initialisation than PEFT's own",
    fan_in_fan_out: 'weights that are stored transposed',
    task_type: 'another task than causal language modelling',
    use_qalora: 'QA-LoRA',
    qalora_group_size: 'QA-LoRA',
    use_bdlora: 'block-diagonal LoRA',
    alora_invocation_tokens: 'activated LoRA',
    arrow_config: 'Arrow routing',
    corda_config: 'CorDA',
    eva_config: 'EVA',
    kasa_config: 'KaSA',
    loftq_config: 'LoftQ',
    lora_ga_config: 'LoRA-GA',
    megatron_config: 'Megatron',
    megatron_core: 'Megatron',
    monteclora_config: 'Monte Carlo LoRA',
    velora_config: 'VeLoRA',
  }),
)

/** Why an option of PEFT, by its snake_case name with or without `lora_` before it, is not here; null for other names. */
export function peftOptionNote(name: string): string | null {
  const what = unsupported.get(name) ?? unsupported.get(name.replace(/^lora_/, ''))
  return what === undefined ? null : `${what} is not supported; LoRA here trains A and B of linear layers`
}
