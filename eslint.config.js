import js from '@eslint/js'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'runs/',
      '.jupyter-venv/',
      '.trl-venv/',
      '.engines-venv/',
      'src/backend/cpu/assembly/',
      'notebooks/',
      'jupyter/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    ignores: ['src/quantization/assembly/**'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in messages are what the messages are for.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // tfjs hands inputs and attributes of kernels through untyped: the parameters say what they are.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // `a[i]!` in inner loops: the index is in range by construction and a check would only cost time.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/prefer-for-of': 'off',
      // A spread merges something; fields that stand there are written as fields.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'SpreadElement > TSAsExpression > :matches(ObjectExpression, ArrayExpression)',
          message: 'Write them without spread.',
        },
        { selector: 'SpreadElement > ObjectExpression', message: 'Write the fields without { } and spread.' },
        {
          selector: 'ArrayExpression > SpreadElement > ArrayExpression',
          message: 'Write the elements without [ ] and spread.',
        },
      ],
    },
  },
  {
    // AssemblyScript: another language in TypeScript's syntax, with decorators of functions; its compiler knows names and types.
    files: ['src/quantization/assembly/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { allowInvalidAST: true } },
    rules: { 'no-undef': 'off' },
  },
  {
    // Programs and tests run on Node; mocha's functions are globals.
    files: ['**/*.{js,mjs,cjs}', 'test/**', 'bench/**', 'walkthrough/**', 'examples/**'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        performance: 'readonly',
        fetch: 'readonly',
        AbortSignal: 'readonly',
        require: 'readonly',
        module: 'readonly',
      },
    },
  },
)
