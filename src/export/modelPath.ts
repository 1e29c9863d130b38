import type { ExportedModel } from './exportPlan.js'

/** The model as grpo-ts takes it: a folder in that of the export, or `owner/name@commit`. */
export function modelName({ name, revision }: ExportedModel): string {
  return revision === null ? name : `${name}@${revision}`
}

/** The model's folder, in bash: an absolute path, which processes of Ray need; on the Hub that of the commit of the export. */
export function modelPath({ name, revision }: ExportedModel): string {
  if (revision === null) return '"$PWD/model"'
  const download = `snapshot_download(${JSON.stringify(name)}, revision=${JSON.stringify(revision)})`
  return `"$("$PYTHON" -c 'from huggingface_hub import snapshot_download; print(${download})')"`
}

/** The model and its revision as transformers takes them, as two values in Python. */
export function pythonModel({ name, revision }: ExportedModel): string {
  return `${JSON.stringify(name)}, ${revision === null ? 'None' : JSON.stringify(revision)}`
}
