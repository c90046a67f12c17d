//! The description of every Envoy message, as data: what reflection, validation and the canonical encoding read.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

static PACKED: &[u8] = include_bytes!("../descriptors.bin.z");

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&unpacked()[..]).expect("descriptors.bin.z is checked in, and a test decodes it")
});

/// The descriptors of every message of the xDS API and of Envoy's extensions, decoded on first use (some 20 ms) and kept.
///
/// They are those of the envoy-types version this crate was built for, with `validate.rules` and the other options.
///
/// ```
/// let listener = chancery_resource::pool().get_message_by_name("envoy.config.listener.v3.Listener");
/// assert!(listener.is_some());
/// ```
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The serialised `google.protobuf.FileDescriptorSet`, as gRPC server reflection wants it.
pub fn file_descriptor_set() -> Vec<u8> {
    unpacked()
}

fn unpacked() -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec_zlib(PACKED)
        .expect("descriptors.bin.z is checked in, and a test unpacks it")
}
