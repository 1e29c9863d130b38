/** A kind of device that there are plugins of XLA for. */
export type DeviceKind = 'cpu' | 'cuda12' | 'cuda13' | 'rocm' | 'tpu'

/** All of them, as `--device` names them. */
export const deviceKinds = ['cpu', 'cuda12', 'cuda13', 'rocm', 'tpu'] as const satisfies readonly DeviceKind[]
