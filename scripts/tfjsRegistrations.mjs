// What the package @tensorflow/tfjs does besides gathering its parts, most of which are never used here: the gradients of the
// ops, and the ops as methods of tensors. Node itself cannot import these two files, for they are written for bundlers.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'
