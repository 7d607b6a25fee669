from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import path, re_path

from notes import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.index, name="index"),
    path("export/", views.export, name="export"),
    path("fail/", views.fail),
    # A proxy or a CDN does this better; for a small site it will do.
    re_path(r"^static/(?P<path>.*)$", serve, {"insecure": True}),
]
