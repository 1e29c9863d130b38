/**
 * The part of TensorFlow's C interface (tensorflow/c/c_api.h, c/eager/c_api.h) that the addon calls, found in the library when it is
 * opened: building needs nothing of TensorFlow, and one addon works with every version that has these functions.
 */
#include <stdint.h>
#include <stddef.h>

typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_DeviceList TF_DeviceList;
typedef struct TFE_ContextOptions TFE_ContextOptions;
typedef struct TFE_Context TFE_Context;
typedef struct TFE_TensorHandle TFE_TensorHandle;
typedef struct TFE_Op TFE_Op;

/** F(type of the result, name, arguments) for every function. */
#define TENSORFLOW_FUNCTIONS(F) \
  F(const char *, TF_Version, (void)) \
  F(TF_Status *, TF_NewStatus, (void)) \
  F(void, TF_DeleteStatus, (TF_Status *)) \
  F(int, TF_GetCode, (const TF_Status *)) \
  F(const char *, TF_Message, (const TF_Status *)) \
  F(TF_Tensor *, TF_AllocateTensor, (int type, const int64_t *shape, int rank, size_t bytes)) \
  F(void, TF_DeleteTensor, (TF_Tensor *)) \
  F(void *, TF_TensorData, (const TF_Tensor *)) \
  F(size_t, TF_TensorByteSize, (const TF_Tensor *)) \
  F(int, TF_DeviceListCount, (const TF_DeviceList *)) \
  F(const char *, TF_DeviceListName, (const TF_DeviceList *, int index, TF_Status *)) \
  F(const char *, TF_DeviceListType, (const TF_DeviceList *, int index, TF_Status *)) \
  F(int64_t, TF_DeviceListMemoryBytes, (const TF_DeviceList *, int index, TF_Status *)) \
  F(void, TF_DeleteDeviceList, (TF_DeviceList *)) \
  F(TFE_ContextOptions *, TFE_NewContextOptions, (void)) \
  F(void, TFE_ContextOptionsSetConfig, (TFE_ContextOptions *, const void *configProto, size_t bytes, TF_Status *)) \
  F(void, TFE_DeleteContextOptions, (TFE_ContextOptions *)) \
  F(TFE_Context *, TFE_NewContext, (const TFE_ContextOptions *, TF_Status *)) \
  F(void, TFE_DeleteContext, (TFE_Context *)) \
  F(TF_DeviceList *, TFE_ContextListDevices, (TFE_Context *, TF_Status *)) \
  F(void, TFE_ContextAddFunctionDef, (TFE_Context *, const char *functionDef, size_t bytes, TF_Status *)) \
  F(TFE_TensorHandle *, TFE_NewTensorHandle, (const TF_Tensor *, TF_Status *)) \
  F(TFE_TensorHandle *, TFE_TensorHandleCopyToDevice, (TFE_TensorHandle *, TFE_Context *, const char *device, TF_Status *)) \
  F(TF_Tensor *, TFE_TensorHandleResolve, (TFE_TensorHandle *, TF_Status *)) \
  F(void, TFE_DeleteTensorHandle, (TFE_TensorHandle *)) \
  F(TFE_Op *, TFE_NewOp, (TFE_Context *, const char *name, TF_Status *)) \
  F(void, TFE_OpSetDevice, (TFE_Op *, const char *device, TF_Status *)) \
  F(void, TFE_OpAddInput, (TFE_Op *, TFE_TensorHandle *, TF_Status *)) \
  F(void, TFE_Execute, (TFE_Op *, TFE_TensorHandle **results, int *count, TF_Status *)) \
  F(void, TFE_DeleteOp, (TFE_Op *))
