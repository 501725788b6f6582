// What the shared libraries export. Everything else in them is hidden.
#pragma once

#define TROTH_EXPORT __attribute__((visibility("default")))
