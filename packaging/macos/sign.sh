#!/bin/bash
# Signs, packs and notarises the bundle. UNTRIED; written against Apple's "Notarizing macOS software
# before distribution" and "Customizing the notarization workflow", and PyInstaller's notes on macOS.
#
#   packaging/macos/sign.sh path/to/wabot-tray.app "Developer ID Application: NAME (TEAM)" PROFILE OUT.dmg
#
# PROFILE is what `xcrun notarytool store-credentials` was told to remember in the keychain.
set -eu
app=$1 identity=$2 profile=$3 image=$4
here=$(cd "$(dirname "$0")" && pwd)

# Inside out: a signature covers what is in a folder, so the folder's own comes last. Entitlements are
# for programs alone; libraries take those of the program that loads them.
sign() { codesign --force --timestamp --options runtime --sign "$identity" "$@"; }
find "$app/Contents" -type f -not -path '*/MacOS/*' -print0 |
    while IFS= read -r -d '' file; do
        if file -b "$file" | grep -q '^Mach-O'; then sign "$file"; fi
    done
for program in "$app"/Contents/MacOS/*; do
    sign --entitlements "$here/entitlements.plist" "$program"
done
sign --entitlements "$here/entitlements.plist" "$app"
codesign --verify --deep --strict --verbose=2 "$app"

hdiutil create -volname wabot-tray -srcfolder "$app" -format UDZO -ov "$image"
codesign --force --timestamp --sign "$identity" "$image"
xcrun notarytool submit "$image" --keychain-profile "$profile" --wait
xcrun stapler staple "$image"
spctl --assess --type open --context context:primary-signature --verbose=2 "$image"
