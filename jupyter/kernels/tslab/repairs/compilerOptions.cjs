// The type checker learns the ES2023 library and the `exports` maps of packages (tslab: ES2022 and the resolution of Node 10).
const { withSeveralTimers } = require('./watchTimers.cjs')

/**
 * @param {NodeJS.Require} tslab `require` of tslab's files
 * @returns the TypeScript compiler that tslab uses
 */
exports.repairCompilerOptions = function (tslab) {
  const file = tslab.resolve('@tslab/typescript-for-tslab')
  const typescript = tslab(file)
  const createWatchCompilerHost = (rootFiles, options, sys, ...rest) =>
    typescript.createWatchCompilerHost(
      rootFiles,
      {
        ...options,
        lib: options.lib.map((name) => name.replace('es2022', 'es2023')),
        moduleResolution: typescript.ModuleResolutionKind.Bundler,
        customConditions: ['node'],
      },
      withSeveralTimers(sys),
      ...rest,
    )
  // The compiler's exports are read-only getters: others see a proxy in their place.
  require.cache[file].exports = new Proxy(typescript, {
    get: (target, key) => (key === 'createWatchCompilerHost' ? createWatchCompilerHost : target[key]),
  })
  return typescript
}
