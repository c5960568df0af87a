"""The least that puts an icon into a tray with PySide6, as the measure for our start."""

import sys

from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from wabot_tray.gui.colours import GREEN

if __name__ == "__main__":
    app = QApplication(sys.argv)
    pixmap = QPixmap(64, 64)
    pixmap.fill(QColor(GREEN))
    tray = QSystemTrayIcon(QIcon(pixmap))
    tray.show()
    sys.exit(app.exec())
