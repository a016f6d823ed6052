#pragma once

#include <string_view>

namespace ginn::cli {

// The digests of the self-test's cases. To regenerate, after a deliberate change of the arithmetic
// or of the battery: the "portable" digests that `ginn selftest --json` prints.
struct SelftestVector {
  std::string_view name, digest;
};
inline constexpr SelftestVector kSelftestVectors[] = {
    {"conv/1x1_stride2", "3a2aa3c6cad162ab8f0ece0bfc123d9d519794f45592dbbdf51d4f8b2a92baae"},
    {"conv/3x3", "d2aa03a69900b66a92cc5b03596dcd718d66c61086d7ada1ada43b8b64c2e08a"},
    {"conv/3x3_dfp16", "76527d9c719ebc313801dc859901c79a71b47289fce5a6046e765426c84cd87f"},
    {"conv/3x3_first", "11b2d99e538508724b31fe9c0b7aa48663db031ccd1774148331fb395ac018fd"},
    {"conv/3x3_stride2", "b5c045d859ddba5c6ed37812df4af283b818feea3d0587aacd758fbdbb471a56"},
    {"conv/3x3_stride2_dfp16", "f4d8219198e94a2f00c9ebbcac27fcd296b06bae3bd14f2b572c5b80c860e08e"},
    {"conv/5x5", "fbdbc2724dbc0dcdf4d57e1f554e361d115f046ea7df19c0d926cd991ef61cad"},
    {"conv/5x5_padded", "2627d5e0c7b77727d90dffa5a305ca016aa3a585c3d29ef356087d3a3ca4f165"},
    {"conv/depthwise", "ee87d4235451483c0b29049da36ac31d09727636a593f3b9d0af220d87a5f76d"},
    {"conv/depthwise_7x7", "f6dd510e679439cb17494380e38b20b38364f8e98b9612a63c8de4469f7bd48c"},
    {"conv/depthwise_dfp16", "1939ad58e078f52db9f3325fb810767b934b5dd0b4b817666f6d693154383f13"},
    {"conv/depthwise_stride2", "7434c44260b28ab679e3c1f714899972e664af8f3c61035ea69d48700b6cb141"},
    {"conv/extreme", "8104f8005d0d92fc251b046275a0359f4bd7f13ad9c468a815965ec117a576c0"},
    {"conv/extreme_dfp16", "916516f9685fead2a7fbd6d6af387765c536e43ffd5e7c8f8bff6a372b329572"},
    {"conv/grouped", "96df7d59a9c45d834daa4a293e2272931a5c4561433504097f2ee3eb80bb1e42"},
    {"conv/grouped_dfp16", "bd016ffe9a8f3df9fb894be86cf2b11396ad6ba3d761d34d4d84f859cd26cf00"},
    {"conv/odd", "a4769380c2b4e4c5a5ffda385cb3f3f7aaaa8688a2e9aed1b0d235124bbfcec7"},
    {"conv/odd_dfp16", "1b118b77ebff97865cfd838401ab7ed282809dc5e5d73d087c8d459c27978800"},
    {"function/erf", "e44a2dba1f5f4b678d3d2d8d8e2d22965ffd9baecae160e869fbcb9fb6c132db"},
    {"function/sigmoid", "4d04e540959b7d6b5ac9c43099d95cebeed872ccb7d9c35a91795975d7dce06b"},
    {"function/tanh", "b2086b9aed69644539dd4fa92c617f3266fd8fdae9121e26f58936274c8b5d2e"},
    {"linear/1to1", "8906138bce4cb5bf401d430058848c88e5850ca2b6f84fe67386800978a5bdfe"},
    {"linear/64to10", "fc863bc2246e088a4225d369a52458eaa0bac7971268483a549f134b6884664a"},
    {"linear/784to31", "9eb25d4f636fee2265cb2f263064c03ed07ab5ae1ca5911d672007ed005158b7"},
    {"linear/784to31_dfp16", "23f6a2b113b17c1434dca3ab4e33f3f5d3ae00b7b01d2e6c7c891b0b5bf249bd"},
    {"map/accumulate", "7b16e160deafe6d43c8ac77f7ae1d5ae032dfbea573da00dd52ebc1a75246815"},
    {"map/activate", "698eff27962d70f1013de4ac959c62a4cc76d451557632283584f20c7aaed94e"},
    {"map/ceil_norm2", "448cae74ecd13f079054613843d8cbf6a64fba8197729617b12b02574dcfb75b"},
    {"map/channel_sums", "9b3cc27364507637623084bcc0ccbc8a11fb380f033e57ca5477311cca698986"},
    {"map/gradient_sums", "2e0da12b687ae139ed2540f21c7d2b89c8ca19dbbf3a78c9cb94f8a470e4d2b2"},
    {"map/join", "131b4a665c95734eeca3eefe6dfaff69a1edfce1f32e9e2f6aa1a73497b9abe8"},
    {"map/mask", "6be23d2dd97d0673dc1af16526ca3da4d3cde59d78ceb97b272d685cc8c0fd95"},
    {"map/maxabs_f32", "81d75a3ab2e4d6a9b0745793876507e3d19c8385014d4f1629047ae069f2b932"},
    {"map/maxabs_i16", "fc21790f5daf9b801b44098c5d2dffd8960b61991e8aaccae99b3a42389c1072"},
    {"map/norm2", "2ef3335a0e05f5f48f93009309d3b933322ed90461236e46f1ce488aaefd3a73"},
    {"map/normalise_backward", "e7349fa98b8bf49b248dc8c18b4a12e457f621dcfb51f6b70d17dc4627fb0786"},
    {"map/quantise", "e0fd6b8969a8b8d84d4e987989d48489f4b89f1d3d9e450c525ebad11b453312"},
    {"map/relu6", "394e8bd590eb9ac29af4ec6cc0b3d43616d302dabb0f45aa085a4655426bf75a"},
    {"map/scale_sums", "39f4e84b3fa1abbb615e0929549bec38b74e0cb771994c6cc341837feb211767"},
    {"map/sgd", "c8563213289b33d794d00591e526f8b392742d3b7f0f32f4e1615bb180501fa9"},
    {"map/shift_round", "1d33457cefbf6c0956ae5cf5c0f36bdde67c7faa82a0f5c6401a9b230e0123d9"},
    {"map/truncate", "41ec8b6c62c5daaa2d36429f8abe07835b3522389a66cdbb24225260f140a258"},
    {"map/windows", "2e8e3eb3671fc0f6d897280268e81940cb1fb7c8c900b790501ecf400e50e393"},
    {"step/lenet", "20fa00765cb434257c788fd10075bceb70a4f05e09630a095770c823116d34b8"},
    {"step/lenet_dfp16", "79365a32fd96269b2833f05b6534cf328536c74341314711f2403462901eb216"},
    {"step/mlp", "8e8d895a4c0814f1e4e2e8f70f018c9dc991a17e064153f2108332526c17fce3"},
    {"step/mlp_dfp16", "4e7bbd54bbf92cfdf562b479d430be79f44d17c94b638876adbd01134c2943bd"},
    {"step/mobilenet_v2", "97278212f3ed39b64c15236d6da69f3b613d26c0bccffeca4043049a6bbc56b8"},
    {"step/resnet18", "fda597b2fc4e50a9d38bea2ff4bf875485fe7d04443a243a979f0dea1290bc80"},
    {"step/resnet8", "38969684733173497dcfe6a77eef1bb33a5f5f6f9dd8d6f688fe29bb9ca4aa71"},
    {"step/resnet8_dfp16", "f1cd5c1babe202926bba7f6f78ef8a076b3e490263e185ee7c12e009f9bb1440"},
    {"step/transfer", "60123aa649bc62618453a7a9f8d39480c1575680bf5a5886b211a7996a558248"},
};

}  // namespace ginn::cli
