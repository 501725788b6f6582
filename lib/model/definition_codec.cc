// The immutable documents of a transaction: its definition, what was registered later, the edits of
// a person, and a workflow's result.
//
// Written once, by the submitting thread, and never rewritten: a reader skips fields of a newer
// version. Every number of a policy is written, also where it is today's default: a default that
// changes in a later release must not reach a transaction that has begun.
#include "model/definition_codec.h"

#include <utility>

#include "base/text.h"
#include "model/bounds.h"
#include "model/order.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

// Field numbers are stored: none is ever used for something else.
namespace definition_field {
enum : uint32_t {
  kMode = 1,
  kConcurrent = 2,
  kQueryPrepared = 3,
  kHeader = 4,
  kPolicy = 5,
  kTimeoutToFail = 6,
  kStep = 7,
  kBarrierRetention = 8,
  kWorkflow = 9,
  kInput = 10
};
}  // namespace definition_field
namespace step_field {
enum : uint32_t {
  kBranchId = 1,
  kForward = 2,
  kCommit = 3,
  kRollback = 4,
  kPayload = 5,
  kHeader = 6,
  kAfter = 7,
  kPolicy = 8,
  kOwnPolicy = 9
};
}  // namespace step_field
namespace policy_field {
enum : uint32_t {
  kFirst = 1,
  kFactor = 2,
  kCap = 3,
  kJitter = 4,
  kLimit = 5,
  kGiveUpAfter = 6,
  kParkAfter = 7,
  kRequestTimeout = 8,
  kBodyVerdicts = 9,
  kJsonRpc = 10
};
}  // namespace policy_field
namespace edit_field {
enum : uint32_t { kBranch = 1, kUrl = 2, kPayload = 3, kHeader = 4 };
}  // namespace edit_field
namespace progress_field {
enum : uint32_t { kBranchId = 1, kOp = 2, kFailed = 3, kData = 4 };
}  // namespace progress_field
namespace result_field {
enum : uint32_t { kData = 1 };
}  // namespace result_field

constexpr size_t kFieldOverhead = 12;
constexpr size_t kPolicySize = 64;

size_t SizeHint(const Headers& headers) {
  size_t size = 0;
  for (const Header& header : headers) {
    size += header.name.size() + header.value.size() + kFieldOverhead;
  }
  return size;
}

size_t SizeHint(const Step& step) {
  return step.branch_id.size() + step.forward.size() + step.commit.size() + step.rollback.size() +
         step.payload.size() + SizeHint(step.headers) + step.after.size() * 3 + kFieldOverhead;
}

size_t SizeHint(const Definition& definition) {
  size_t size = kPolicySize + definition.query_prepared.size() + SizeHint(definition.headers) +
                definition.policies.size() * kPolicySize + definition.workflow.size() +
                definition.input.size() + 2 * kFieldOverhead;
  for (const Step& step : definition.steps) size += SizeHint(step) + kFieldOverhead;
  return size;
}

void BytesUnlessEmpty(FieldWriter& out, uint32_t number, std::string_view bytes) {
  if (!bytes.empty()) out.Bytes(number, bytes);
}

void WritePolicy(FieldWriter& out, uint32_t number, const Policy& policy) {
  namespace f = policy_field;
  const FieldWriter::Mark mark = out.Open(number, kPolicySize);
  out.Varint(f::kFirst, static_cast<uint64_t>(policy.first.count()));
  out.Double(f::kFactor, policy.factor);
  out.Varint(f::kCap, static_cast<uint64_t>(policy.cap.count()));
  out.Varint(f::kJitter, policy.jitter ? 1 : 0);
  out.Signed(f::kLimit, policy.limit);
  out.Signed(f::kGiveUpAfter, policy.give_up_after.count());
  out.Signed(f::kParkAfter, policy.park_after);
  out.Varint(f::kRequestTimeout, static_cast<uint64_t>(policy.request_timeout.count()));
  out.Varint(f::kBodyVerdicts, policy.body_verdicts ? 1 : 0);
  if (policy.json_rpc) out.Varint(f::kJsonRpc, 1);  // came later: absent is false for ever
  out.Close(mark);
}

void WriteStepFields(FieldWriter& out, const Step& step) {
  namespace f = step_field;
  BytesUnlessEmpty(out, f::kBranchId, step.branch_id);
  BytesUnlessEmpty(out, f::kForward, step.forward);
  BytesUnlessEmpty(out, f::kCommit, step.commit);
  BytesUnlessEmpty(out, f::kRollback, step.rollback);
  BytesUnlessEmpty(out, f::kPayload, step.payload);
  WriteHeaders(out, f::kHeader, step.headers);
  if (!step.after.empty()) {
    const FieldWriter::Mark after = out.Open(f::kAfter, step.after.size());
    for (const uint16_t before : step.after) out.BareVarint(before);
    out.Close(after);
  }
  if (step.policy != 0) out.Varint(f::kPolicy, step.policy);
  if (step.own) WritePolicy(out, f::kOwnPolicy, *step.own);
}

void WriteStep(FieldWriter& out, const Step& step) {
  const FieldWriter::Mark mark = out.Open(definition_field::kStep, SizeHint(step));
  WriteStepFields(out, step);
  out.Close(mark);
}

// Never zero: none of the waits and time-outs may be.
Milliseconds ReadDuration(FieldReader& in) {
  const uint64_t value = in.Varint(static_cast<uint64_t>(kDurationMax.count()));
  if (value == 0) in.Fail("out of range");
  return Milliseconds(static_cast<int64_t>(value));
}

Milliseconds ReadLimit(FieldReader& in) {
  return Milliseconds(in.Signed(kNoTimeLimit.count(), kDurationMax.count()));
}

int32_t ReadCount(FieldReader& in) {
  return static_cast<int32_t>(in.Signed(kNoLimit, std::numeric_limits<int32_t>::max()));
}

double ReadFactor(FieldReader& in) {
  const double factor = in.Double();
  // Written so that NaN fails too.
  if (!(factor >= 1 && factor <= kFactorMax)) in.Fail("out of range");
  return factor;
}

Status ReadPolicy(std::string_view bytes, Policy& policy) {
  namespace f = policy_field;
  FieldReader in("policy", bytes);
  while (in.Next()) {
    switch (in.number()) {
      case f::kFirst:
        policy.first = ReadDuration(in);
        break;
      case f::kFactor:
        policy.factor = ReadFactor(in);
        break;
      case f::kCap:
        policy.cap = ReadDuration(in);
        break;
      case f::kJitter:
        policy.jitter = in.Bool();
        break;
      case f::kLimit:
        policy.limit = ReadCount(in);
        break;
      case f::kGiveUpAfter:
        policy.give_up_after = ReadLimit(in);
        break;
      case f::kParkAfter:
        policy.park_after = ReadCount(in);
        break;
      case f::kRequestTimeout:
        policy.request_timeout = ReadDuration(in);
        break;
      case f::kBodyVerdicts:
        policy.body_verdicts = in.Bool();
        break;
      case f::kJsonRpc:
        policy.json_rpc = in.Bool();
        break;
      default:
        break;
    }
  }
  return in.status();
}

void ReadAfter(FieldReader& in, std::vector<uint16_t>& after) {
  std::string_view rest = in.Bytes();
  while (!rest.empty()) {
    uint64_t before = 0;
    if (!TakeVarint(rest, before) || before >= kStepsMax) return in.Fail("broken order");
    after.push_back(static_cast<uint16_t>(before));
  }
}

Status ReadStep(std::string_view bytes, Step& step) {
  namespace f = step_field;
  FieldReader in("step", bytes);
  while (in.Next()) {
    switch (in.number()) {
      case f::kBranchId:
        step.branch_id = in.Bytes();
        break;
      case f::kForward:
        step.forward = in.Bytes();
        break;
      case f::kCommit:
        step.commit = in.Bytes();
        break;
      case f::kRollback:
        step.rollback = in.Bytes();
        break;
      case f::kPayload:
        step.payload = in.Bytes();
        break;
      case f::kHeader:
        ReadHeader(in, step.headers);
        break;
      case f::kAfter:
        ReadAfter(in, step.after);
        break;
      case f::kPolicy:
        step.policy = in.Uint<uint16_t>();
        break;
      case f::kOwnPolicy:
        in.Keep(ReadPolicy(in.Bytes(), step.own.emplace()));
        break;
      default:
        break;
    }
  }
  return in.status();
}

void AddStep(FieldReader& in, std::vector<Step>& steps) {
  if (steps.size() == kStepsMax) return in.Fail("too many steps");
  in.Keep(ReadStep(in.Bytes(), steps.emplace_back()));
}

void AddPolicy(FieldReader& in, std::vector<Policy>& policies) {
  if (policies.size() > kStepsMax) return in.Fail("too many policies");
  in.Keep(ReadPolicy(in.Bytes(), policies.emplace_back()));
}

Status ReadDefinition(std::string_view bytes, Definition& definition) {
  namespace f = definition_field;
  FieldReader in("definition", bytes);
  bool has_mode = false;
  while (in.Next()) {
    switch (in.number()) {
      case f::kMode:
        definition.mode = in.Enum(Mode::kSaga, Mode::kWorkflow);
        has_mode = true;
        break;
      case f::kConcurrent:
        definition.concurrent = in.Bool();
        break;
      case f::kQueryPrepared:
        definition.query_prepared = in.Bytes();
        break;
      case f::kHeader:
        ReadHeader(in, definition.headers);
        break;
      case f::kPolicy:
        AddPolicy(in, definition.policies);
        break;
      case f::kTimeoutToFail:
        definition.timeout_to_fail = ReadDuration(in);
        break;
      case f::kBarrierRetention:
        definition.barrier_retention = ReadDuration(in);
        break;
      case f::kStep:
        AddStep(in, definition.steps);
        break;
      case f::kWorkflow:
        definition.workflow = in.Bytes();
        break;
      case f::kInput:
        definition.input = in.Bytes();
        break;
      default:
        break;
    }
  }
  if (!has_mode) in.Fail("no mode");
  return in.status();
}

Status CheckCanBeTrue(const Definition& definition) {
  const auto wrong = [](std::string_view what) {
    return Status(StatusCode::kDataLoss, Concat("definition: ", what));
  };
  if (definition.policies.empty()) return wrong("no policy");
  for (const Policy& policy : definition.policies) {
    if (policy.cap < policy.first) return wrong("a cap below the first wait");
  }
  for (const Step& step : definition.steps) {
    if (step.policy >= definition.policies.size()) return wrong("a policy that is not there");
    if (!step.after.empty() && !definition.concurrent) return wrong("an order without concurrent");
    for (const uint16_t before : step.after) {
      if (before >= definition.steps.size()) return wrong("an order outside its steps");
    }
  }
  if (StepOnCycle(definition.steps)) return wrong("an order with a cycle");
  const bool workflow = definition.mode == Mode::kWorkflow;
  if (workflow && !definition.steps.empty()) return wrong("a workflow with steps");
  if (workflow && definition.query_prepared.empty()) return wrong("a workflow without a call-back");
  if (workflow == definition.workflow.empty()) return wrong("a workflow's name and its mode");
  return Status();
}

}  // namespace

Status TakeVersion(std::string_view what, std::string_view& bytes) {
  if (bytes.empty()) return Status(StatusCode::kDataLoss, Concat(what, ": empty"));
  if (bytes[0] != kFormVersion) {
    return Status(StatusCode::kDataLoss,
                  Concat(what, ": unknown version ", static_cast<uint8_t>(bytes[0])));
  }
  bytes.remove_prefix(1);
  return Status();
}

void WriteHeaders(FieldWriter& out, uint32_t number, const Headers& headers) {
  for (const Header& header : headers) {
    const FieldWriter::Mark mark =
        out.Open(number, header.name.size() + header.value.size() + kFieldOverhead);
    out.BareVarint(header.name.size());
    out.BareBytes(header.name);
    out.BareBytes(header.value);
    out.Close(mark);
  }
}

void ReadHeader(FieldReader& in, Headers& headers) {
  std::string_view rest = in.Bytes();
  uint64_t name_size = 0;
  if (!TakeVarint(rest, name_size) || name_size > rest.size()) return in.Fail("broken header");
  headers.push_back({std::string(rest.substr(0, name_size)), std::string(rest.substr(name_size))});
}

std::string EncodeDefinition(const Definition& definition) {
  namespace f = definition_field;
  std::string bytes;
  bytes.reserve(SizeHint(definition));
  bytes.push_back(kFormVersion);
  FieldWriter out(bytes);
  out.Varint(f::kMode, static_cast<uint64_t>(definition.mode));
  if (definition.concurrent) out.Varint(f::kConcurrent, 1);
  BytesUnlessEmpty(out, f::kQueryPrepared, definition.query_prepared);
  WriteHeaders(out, f::kHeader, definition.headers);
  for (const Policy& policy : definition.policies) WritePolicy(out, f::kPolicy, policy);
  if (definition.timeout_to_fail) {
    out.Varint(f::kTimeoutToFail, static_cast<uint64_t>(definition.timeout_to_fail->count()));
  }
  out.Varint(f::kBarrierRetention, static_cast<uint64_t>(definition.barrier_retention.count()));
  for (const Step& step : definition.steps) WriteStep(out, step);
  BytesUnlessEmpty(out, f::kWorkflow, definition.workflow);
  BytesUnlessEmpty(out, f::kInput, definition.input);
  return bytes;
}

Result<Definition> DecodeDefinition(std::string_view bytes) {
  if (Status status = TakeVersion("definition", bytes); !status.ok()) return status;
  Definition definition;
  definition.policies.clear();
  if (Status status = ReadDefinition(bytes, definition); !status.ok()) return status;
  if (Status status = CheckCanBeTrue(definition); !status.ok()) return status;
  return definition;
}

std::string EncodeStep(const Step& step) {
  std::string bytes;
  bytes.reserve(SizeHint(step) + kFieldOverhead);
  bytes.push_back(kFormVersion);
  FieldWriter out(bytes);
  WriteStepFields(out, step);
  return bytes;
}

Result<Step> DecodeStep(std::string_view bytes) {
  if (Status status = TakeVersion("step", bytes); !status.ok()) return status;
  Step step;
  if (Status status = ReadStep(bytes, step); !status.ok()) return status;
  return step;
}

std::string EncodeEdit(const Edit& edit) {
  namespace f = edit_field;
  std::string bytes;
  bytes.reserve(edit.url.size() + edit.payload.size() + SizeHint(edit.headers) + kPolicySize);
  bytes.push_back(kFormVersion);
  FieldWriter out(bytes);
  out.Varint(f::kBranch, edit.branch);
  BytesUnlessEmpty(out, f::kUrl, edit.url);
  BytesUnlessEmpty(out, f::kPayload, edit.payload);
  WriteHeaders(out, f::kHeader, edit.headers);
  return bytes;
}

Result<Edit> DecodeEdit(std::string_view bytes) {
  namespace f = edit_field;
  if (Status status = TakeVersion("edit", bytes); !status.ok()) return status;
  Edit edit;
  FieldReader in("edit", bytes);
  while (in.Next()) {
    switch (in.number()) {
      case f::kBranch:
        edit.branch = in.Uint<uint16_t>();
        break;
      case f::kUrl:
        edit.url = in.Bytes();
        break;
      case f::kPayload:
        edit.payload = in.Bytes();
        break;
      case f::kHeader:
        ReadHeader(in, edit.headers);
        break;
      default:
        break;
    }
  }
  if (!in.status().ok()) return in.status();
  return edit;
}

std::string EncodeProgress(const Progress& progress) {
  namespace f = progress_field;
  std::string bytes;
  bytes.reserve(progress.branch_id.size() + progress.op.size() + progress.data.size() +
                4 * kFieldOverhead);
  bytes.push_back(kFormVersion);
  FieldWriter out(bytes);
  BytesUnlessEmpty(out, f::kBranchId, progress.branch_id);
  BytesUnlessEmpty(out, f::kOp, progress.op);
  if (progress.failed) out.Varint(f::kFailed, 1);
  BytesUnlessEmpty(out, f::kData, progress.data);
  return bytes;
}

Result<Progress> DecodeProgress(std::string_view bytes) {
  namespace f = progress_field;
  if (Status status = TakeVersion("progress", bytes); !status.ok()) return status;
  Progress progress;
  FieldReader in("progress", bytes);
  while (in.Next()) {
    switch (in.number()) {
      case f::kBranchId:
        progress.branch_id = in.Bytes();
        break;
      case f::kOp:
        progress.op = in.Bytes();
        break;
      case f::kFailed:
        progress.failed = in.Bool();
        break;
      case f::kData:
        progress.data = in.Bytes();
        break;
      default:
        break;
    }
  }
  if (in.status().ok() && progress.op.empty()) in.Fail("no operation");
  if (!in.status().ok()) return in.status();
  return progress;
}

std::string EncodeResult(std::string_view result) {
  std::string bytes;
  bytes.reserve(result.size() + kFieldOverhead);
  bytes.push_back(kFormVersion);
  FieldWriter out(bytes);
  BytesUnlessEmpty(out, result_field::kData, result);
  return bytes;
}

Result<std::string> DecodeResult(std::string_view bytes) {
  if (Status status = TakeVersion("result", bytes); !status.ok()) return status;
  std::string result;
  FieldReader in("result", bytes);
  while (in.Next()) {
    if (in.number() == result_field::kData) result = in.Bytes();
  }
  if (!in.status().ok()) return in.status();
  return result;
}

}  // namespace troth::internal
